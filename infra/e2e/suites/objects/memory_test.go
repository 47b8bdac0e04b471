package objects_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
	"github.com/rollcall-dev/rollcall/pkg/store/s3"
)

const (
	// childVariable makes this test's binary upload an object instead: "URL BUCKET
	// MEBIBYTES".
	childVariable = "ROLLCALL_OBJECTS_CHILD"
	mebibyte      = 1 << 20
	// bound is generous: three parts of 5 MiB, garbage not yet collected, and the
	// program itself. An upload that kept its object in memory would need 1 GiB.
	bound = 96 * mebibyte
)

// TestAnObjectOfAGibibyteStreamsFlatIntoS3 measures the peak memory of a process
// of its own, which uploads and does nothing else.
func TestAnObjectOfAGibibyteStreamsFlatIntoS3(t *testing.T) {
	server := startVersity(t)
	s, name := bucketNamed(t, server.Config())
	peaks := map[int]int{}
	for _, size := range []int{1, 64, 1024} {
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		command := process.NewCommand(t.Context(), program)
		command.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", childVariable, server.URL, name, size))
		var stderr bytes.Buffer
		command.Stderr = &stderr
		out, err := command.Output()
		if err != nil {
			t.Fatalf("the upload: %v\n%s", err, stderr.Bytes())
		}
		if peaks[size], err = strconv.Atoi(strings.TrimSpace(string(out))); err != nil {
			t.Fatal(err)
		}
		t.Logf("%4d MiB: peak resident memory %.1f MiB", size, float64(peaks[size])/mebibyte)
		if err := s.Delete(t.Context(), strconv.Itoa(size)); err != nil {
			t.Fatal(err)
		}
	}
	if peaks[1024] > bound {
		t.Errorf("1 GiB took %d MiB of memory, more than %d", peaks[1024]/mebibyte, bound/mebibyte)
	}
}

// child uploads and prints its own peak memory in bytes.
func child(task string) int {
	fields := strings.Fields(task)
	if len(fields) != 3 {
		fmt.Fprintln(os.Stderr, "want URL BUCKET MEBIBYTES")
		return 2
	}
	if err := stream(context.Background(), fields[0], fields[1], fields[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	peak, err := process.PeakRSS(os.Getpid())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(peak)
	return 0
}

func stream(ctx context.Context, url, bucket, mebibytes string) error {
	size, err := strconv.Atoi(mebibytes)
	if err != nil {
		return err
	}
	s, err := s3.New(cloud.Config(url, versity.User, versity.Secret), s3.Config{Bucket: bucket, Prefix: "exports/people"})
	if err != nil {
		return err
	}
	u, err := s.Create(ctx, mebibytes)
	if err != nil {
		return err
	}
	defer u.Abort()
	piece := make([]byte, 64<<10)
	source := rand.NewChaCha8([32]byte{})
	for range size * mebibyte / len(piece) {
		_, _ = source.Read(piece) // never fails
		if _, err := u.Write(piece); err != nil {
			return err
		}
	}
	return u.Commit()
}
