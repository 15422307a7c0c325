// serve ADDR | resolve NAME | ask ADDR... | dial COUNT WORKERS: the Go side of the tests, built with CGO_ENABLED=0.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "serve":
		serve(os.Args[2])
	case "resolve":
		fmt.Println(net.LookupHost(os.Args[2]))
	case "ask":
		for _, to := range os.Args[2:] {
			fmt.Println(to, ask(to))
		}
	case "dial":
		count, _ := strconv.Atoi(os.Args[2])
		workers, _ := strconv.Atoi(os.Args[3])
		dial(int64(count), workers)
	}
}

// serve tells every client what it sees of itself and of the client.
func serve(addr string) {
	config := net.ListenConfig{}
	config.SetMultipathTCP(true) // as net/http does where the kernel has it
	listener, err := config.Listen(nil, "tcp", addr)
	if err != nil {
		panic(err)
	}
	for {
		c, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(c, "%s %s\n", c.LocalAddr(), c.RemoteAddr())
		c.Close()
	}
}

// dial opens every connection to an address of its own; the relay answers with the one it found.
func dial(count int64, workers int) {
	var next, wrong atomic.Int64
	var wait sync.WaitGroup
	for range make([]struct{}, workers) {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for n := next.Add(1); n <= count; n = next.Add(1) {
				to := fmt.Sprintf("10.%d.%d.%d:%d", n>>16&255, n>>8&255, n&255, 1+n%65535)
				if n%4 == 0 {
					to = fmt.Sprintf("[2001:db8::%x]:%d", n%65536, 1+n%65535)
				}
				if said := ask(to); said != to+" "+to {
					wrong.Add(1)
					fmt.Println("wrong:", to, said)
				}
			}
		}()
	}
	wait.Wait()
	fmt.Printf("%d wrong of %d\n", wrong.Load(), count)
}

// ask returns what the relay says, and whom the socket is connected to; or the errno.
func ask(to string) string {
	c, err := net.DialTimeout("tcp", to, 20*time.Second)
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return strconv.Itoa(int(errno))
	}
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	said, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(said) + " " + c.RemoteAddr().String()
}
