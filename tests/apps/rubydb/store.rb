# The database, through a pool of connections that are made when first needed.

require "pg"

class Store
  COLUMNS = "id, customer, item, quantity, price::text"
  INSERT = "insert into orders (customer, item, quantity, price) values ($1, $2, $3, $4)"
  TABLE = <<~SQL
    create table if not exists orders (
      id bigserial primary key,
      customer text not null,
      item text not null,
      quantity int not null constraint positive check (quantity > 0),
      price numeric(10,2) not null
    )
  SQL
  TYPES = <<~'SQL'
    select 42::int4 as int, 9007199254740993::int8 as bigint, 12345.6789::numeric as numeric, 0.1::float8 as float,
      true as bool, 'ünïcode ✓'::text as text, '\xdeadbeef'::bytea as bytes, date '2024-02-29' as date,
      timestamp '2024-02-29 12:34:56.789' as timestamp, timestamptz '2024-02-29 12:34:56.789+00' as timestamptz,
      '{"a": [1, null]}'::jsonb as json, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as uuid, null::text as null,
      array[1, 2, 3]::int4[] as array
  SQL
  POOL_SIZE = 4

  def initialize
    @idle = Queue.new
    POOL_SIZE.times { @idle << nil }
  end

  def setup
    with_connection { |connection| connection.exec(TABLE) }
  end

  def create(*row)
    with_connection { |connection| connection.exec_params("#{INSERT} returning #{COLUMNS}", row).first }
  end

  # nil when there is none.
  def load(id)
    with_connection { |connection| connection.exec_params("select #{COLUMNS} from orders where id = $1", [id]).first }
  end

  def list(customer, other)
    more = other ? "and quantity < 1000" : ""
    sql = "select #{COLUMNS} from orders where customer = $1 #{more} order by id"
    with_connection { |connection| connection.exec_params(sql, [customer]).to_a }
  end

  # Prepared once, executed often.
  def batch(customer, rows)
    sql = "select count(*), sum(quantity) from orders where customer = $1 and item like 'batch-%'"
    with_connection do |connection|
      connection.transaction do
        connection.prepare("insert", INSERT)
        rows.each { |row| connection.exec_prepared("insert", row) }
        connection.exec("deallocate insert")
        connection.exec_params(sql, [customer]).first
      end
    end
  end

  def rollback(customer)
    with_connection do |connection|
      connection.exec("begin")
      connection.exec_params(INSERT, [customer, "undone", 1, 1])
      connection.exec("savepoint half")
      connection.exec_params(INSERT, [customer, "undone at once", 1, 1])
      connection.exec("rollback to savepoint half")
      during = count(connection, customer)
      connection.exec("rollback")
      { during: during, count: count(connection, customer) }
    end
  end

  def fail(*row)
    create(*row)
    raise "the constraint did not hold"
  rescue PG::Error => refused
    { error: refused.result.error_field(PG::Result::PG_DIAG_SQLSTATE), message: refused.message }
  end

  # As the server writes them.
  def types
    with_connection do |connection|
      result = connection.exec(TYPES)
      result.type_map = PG::TypeMapAllStrings.new
      row = result.first
      row.merge("bytes" => row["bytes"].delete_prefix("\\x"))
    end
  end

  private

  def count(connection, customer)
    connection.exec_params("select count(*) from orders where customer = $1", [customer]).getvalue(0, 0)
  end

  def with_connection
    connection = @idle.pop || connect
    begin
      yield connection
    ensure
      @idle << connection
    end
  end

  def connect
    mode = ENV.fetch("DB_TLS", "off")
    where = {
      host: ENV.fetch("DB_HOST", "127.0.0.1"),
      port: ENV.fetch("DB_PORT", "5432"),
      user: ENV.fetch("DB_USER", "t"),
      password: ENV.fetch("DB_PASSWORD", "pw"),
      dbname: ENV.fetch("DB_NAME", "test"),
      sslmode: { "off" => "disable", "require" => "require", "verify" => "verify-full" }.fetch(mode)
    }
    # Without it libpq looks for ~/.postgresql/root.crt.
    where[:sslrootcert] = ENV["DB_CA"] if mode == "verify" && ENV["DB_CA"]
    connection = PG.connect(where)
    connection.type_map_for_results = PG::BasicTypeMapForResults.new(connection)
    connection
  end
end
