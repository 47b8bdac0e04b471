package file_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/file"
)

// childVariable makes this test's binary another process that counts in a
// folder, for ever.
const childVariable = "ROLLCALL_FILE_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		if err := count(context.Background(), dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// count adds one to a counter and prints each number that it wrote.
func count(ctx context.Context, dir string) error {
	s, err := file.New(dir)
	if err != nil {
		return err
	}
	for {
		n, err := next(ctx, s)
		if err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func next(ctx context.Context, s *file.Store) (int, error) {
	for {
		body, version, err := s.Read(ctx, "counter")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return 0, err
		}
		n := 0
		if version != "" {
			if n, err = strconv.Atoi(string(body)); err != nil {
				return 0, err
			}
		}
		_, err = s.Swap(ctx, "counter", []byte(strconv.Itoa(n+1)), version)
		if err == nil {
			return n + 1, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return 0, err
		}
	}
}

// Two processes count side by side, and are killed wherever they are: no number
// is given twice, none that was given is lost, and no lock stays locked.
func TestAKilledProcessLosesNothingAndReleasesTheLock(t *testing.T) {
	dir := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := folder(t, dir)
	written := map[int]bool{}
	for range 4 {
		numbers := make(chan int)
		for range 2 {
			command := exec.CommandContext(t.Context(), program)
			command.Env = append(os.Environ(), childVariable+"="+dir)
			output, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			go func() {
				lines := bufio.NewScanner(output)
				for i := 0; lines.Scan(); i++ {
					if n, err := strconv.Atoi(lines.Text()); err == nil {
						numbers <- n
					}
					if i == 5 {
						_ = command.Process.Kill()
					}
				}
				_ = command.Wait()
				numbers <- -1
			}()
		}
		for alive := 2; alive > 0; {
			n := <-numbers
			switch {
			case n < 0:
				alive--
			case written[n]:
				t.Errorf("%d was given twice", n)
			default:
				written[n] = true
			}
		}
		n, err := next(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for given := range written {
			if given >= n {
				t.Errorf("%d was given, and the next is %d", given, n)
			}
		}
		written[n] = true
	}
}
