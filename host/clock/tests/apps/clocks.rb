# For each line on its input, what the clocks show.
def now = Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)
asked, answers = Queue.new, Queue.new
Thread.new { answers << now while asked.pop }
child = IO.popen('-', 'r+')
if child.nil?
  $stdout.sync = true
  $stdin.each_line { puts now }
  exit!
end
$stdout.sync = true
$stdin.each_line do
  asked << true
  child.puts '?'
  time = Time.now
  puts "main=#{now} time=#{time.to_i * 1_000_000_000 + time.nsec} thread=#{answers.pop} fork=#{child.gets.strip} " + `date +exec=%s%N`
end
