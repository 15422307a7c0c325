# Orders in PostgreSQL with the pg gem: ruby app.rb ruby-pg

require "json"
require "net/http"
require "socket"
require "uri"

# Regressions that the end-to-end tests plant; empty for everybody else.
MUTATE = ENV.fetch("MUTATE", "").split(",")

# A small HTTP/1.1 server: a thread for each connection, which is kept.
class Server
  REASONS = { 200 => "OK", 201 => "Created", 404 => "Not Found", 409 => "Conflict", 500 => "Internal Server Error", 502 => "Bad Gateway" }

  def initialize(port, &answer)
    @listener = TCPServer.new("127.0.0.1", port)
    @listener.listen(64)
    @answer = answer
  end

  def run
    loop { Thread.new(@listener.accept) { |connection| serve(connection) } }
  end

  private

  def serve(connection)
    connection.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    while (line = connection.gets)
      method, target, = line.split
      headers = {}
      while (header = connection.gets.chomp) != ""
        name, value = header.split(":", 2)
        headers[name.downcase] = value.strip
      end
      body = connection.read(headers.fetch("content-length", "0").to_i)
      status, document = answer(method, target, body)
      text = JSON.generate(document)
      connection.write("HTTP/1.1 #{status} #{REASONS.fetch(status)}\r\nContent-Type: application/json\r\n" \
                       "Content-Length: #{text.bytesize}\r\n\r\n#{text}")
      break if headers["connection"]&.downcase == "close"
    end
  rescue Errno::ECONNRESET, Errno::EPIPE
    # The client is gone.
  ensure
    connection.close
  end

  def answer(method, target, body)
    path, query = target.split("?", 2)
    @answer.call(method, path, URI.decode_www_form(query || "").to_h, body.empty? ? {} : JSON.parse(body))
  rescue StandardError => error
    [500, { error: error.class.name, message: error.message }]
  end
end

def fetch(client, url)
  raise ArgumentError, "no client #{client}" unless client == "nethttp"

  answer = Net::HTTP.get_response(URI(url))
  [200, { status: answer.code.to_i, body: answer.body.force_encoding("UTF-8") }]
rescue StandardError => error
  [502, { error: error.class.name, message: error.message }]
end

def changed(order)
  MUTATE.include?("json") ? order.merge("quantity" => order["quantity"] + 1) : order
end

if ARGV[0] == "ruby-pg"
  require_relative "store"
  STORE = Store.new
else
  STORE = nil
end

server = Server.new(ENV.fetch("PORT", "8080").to_i) do |method, path, query, body|
  customer = body["customer"] || query["customer"]
  case [method, *path.split("/").drop(1)]
  in ["POST", "setup"]
    STORE.setup
    [200, { ready: true }]
  in ["POST", "orders"]
    [201, STORE.create(customer, body["item"], body["quantity"], body["price"])]
  in ["GET", "orders", id]
    order = STORE.load(id.to_i)
    order ? [200, order] : [404, { error: "no such order" }]
  in ["GET", "orders"]
    [200, { orders: STORE.list(customer, MUTATE.include?("query")).map { |order| changed(order) } }]
  in ["POST", "batch"]
    rows = Array.new(body["n"]) { |i| [customer, "batch-#{i}", i + 1, format("%.2f", 1.25 * (i + 1))] }
    [200, STORE.batch(customer, rows)]
  in ["POST", "rollback"]
    [200, STORE.rollback(customer)]
  in ["POST", "fail"]
    [409, STORE.fail(customer, "impossible", 0, "1")]
  in ["GET", "types"]
    [200, STORE.types]
  in ["GET", "fetch"]
    fetch(query["client"], query["url"])
  else
    [404, { error: "no such page" }]
  end
end
server.run
