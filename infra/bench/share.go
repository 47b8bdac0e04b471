package main

import (
	"os"
	"syscall"
	"time"
)

// share is how much of a processor a function has while it answers. Lambda gives it one
// for 1,769 MB of memory.
type share struct {
	name    string
	on, off time.Duration
}

func whole() share { return share{name: "a whole"} }

// seventh is what 256 MB have. Lambda counts what is used of each 20 ms; here what is
// spent waiting counts, too.
func seventh() share {
	return share{name: "a seventh", on: 2900 * time.Microsecond, off: 17100 * time.Microsecond}
}

// hold lets a process run for its share of the time alone, until it is released.
func (s share) hold(pid int) (release func() error, err error) {
	if s.off == 0 {
		return func() error { return nil }, nil
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil, err
	}
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.alternate(process, stop) }()
	return func() error {
		close(stop)
		return <-done
	}, nil
}

// alternate stops the process and lets it run, by turns. It leaves it running.
func (s share) alternate(process *os.Process, stop <-chan struct{}) error {
	for {
		for _, turn := range []struct {
			signal os.Signal
			lasts  time.Duration
		}{{syscall.SIGSTOP, s.off}, {syscall.SIGCONT, s.on}} {
			if err := process.Signal(turn.signal); err != nil {
				return err
			}
			select {
			case <-stop:
				return process.Signal(syscall.SIGCONT)
			case <-time.After(turn.lasts):
			}
		}
	}
}
