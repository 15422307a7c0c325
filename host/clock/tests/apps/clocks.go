// For each line on its input, what the clocks show.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"time"
)

func main() {
	asked, answers := make(chan bool), make(chan time.Time)
	go func() {
		for range asked {
			answers <- time.Now()
		}
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		asked <- true
		date, err := exec.Command("date", "+exec=%s%N").Output()
		if err != nil {
			panic(err)
		}
		fmt.Printf("main=%d thread=%d %s", time.Now().UnixNano(), (<-answers).UnixNano(), date)
	}
}
