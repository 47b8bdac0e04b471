package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"
)

// What Lambda lets through of a stream at once, and in a second after that.
const (
	unthrottled = 6_000_000
	throttle    = 2_000_000
)

// throttled prints what a stream by the built function takes behind Lambda's
// throttle, plain and compressed.
func (b *bench) throttled(ctx context.Context) error {
	const users = 300_000
	_, host, stop, err := b.startStream(ctx, users, 0, 0)
	if err != nil {
		return err
	}
	defer stop()
	if _, err := streamOnce(ctx, host, users, "identity", nil); err != nil { // gets the token
		return err
	}
	fmt.Printf("\n### A throttled stream\n\n%d users as NDJSON by the built function; %d MB at once, then %d MB a second, as Lambda passes them on. CPU is the function's.\n\n",
		users, unthrottled/1_000_000, throttle/1_000_000)
	fmt.Println("| Accept-Encoding | MB sent | first user ms | wall s | wall s without the throttle | CPU µs a user |")
	fmt.Println("|---|--:|--:|--:|--:|--:|")
	for _, encoding := range []string{"identity", "gzip"} {
		progress(fmt.Sprintf("%d users behind a throttle, %s", users, encoding))
		free, err := streamOnce(ctx, host, users, encoding, nil)
		if err != nil {
			return err
		}
		slow, err := streamOnce(ctx, host, users, encoding, new(narrow))
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %.1f | %d | %.1f | %.1f | %.2f |\n", encoding, float64(slow.bytes)/1e6, slow.first.Milliseconds(),
			slow.wall.Seconds(), free.wall.Seconds(), free.cpu.Seconds()*1e6/users)
	}
	peak, err := host.PeakRSS()
	if err != nil {
		return err
	}
	fmt.Printf("\nThe function's memory peaked at %.0f MiB.\n", mebibytes(peak))
	return nil
}

// narrow is a way that lets the first bytes through at once and the others at a
// rate.
type narrow struct {
	bytes int
	since time.Time // when it began to throttle
}

// pass returns when so many more bytes have got through.
func (n *narrow) pass(more int) {
	n.bytes += more
	if n.bytes <= unthrottled {
		return
	}
	if n.since.IsZero() {
		n.since = time.Now()
	}
	time.Sleep(time.Until(n.since.Add(time.Duration(n.bytes-unthrottled) * time.Second / throttle)))
}

// arrival takes what a function streams: a head, eight zero bytes, a body of lines.
// It notes when the first line came, and counts.
type arrival struct {
	began  time.Time
	narrow *narrow // nil for a way without a throttle
	head   []byte
	body   io.WriteCloser // nil before the head has come
	bytes  int64
	read   chan error // the reading of the body has ended
	first  time.Duration
	lines  int
}

// Write takes a part of what the function streams.
func (a *arrival) Write(p []byte) (int, error) {
	n := len(p)
	if a.narrow != nil {
		a.narrow.pass(n)
	}
	if a.body == nil {
		a.head = append(a.head, p...)
		head, body, ok := bytes.Cut(a.head, make([]byte, 8))
		if !ok {
			return n, nil
		}
		a.open(bytes.Contains(head, []byte(`"content-encoding":"gzip"`)))
		p = body
	}
	a.bytes += int64(len(p))
	_, err := a.body.Write(p)
	return n, err
}

// open begins to read the body.
func (a *arrival) open(packed bool) {
	reader, writer := io.Pipe()
	a.body, a.read = writer, make(chan error, 1)
	go func() {
		err := a.count(reader, packed)
		_ = reader.CloseWithError(err) // never an error
		a.read <- err
	}()
}

func (a *arrival) count(body io.Reader, packed bool) error {
	if packed {
		zip, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		body = zip
	}
	for part := make([]byte, 64<<10); ; {
		n, err := body.Read(part)
		lines := bytes.Count(part[:n], []byte("\n"))
		if a.lines == 0 && lines > 0 {
			a.first = time.Since(a.began)
		}
		a.lines += lines
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// end waits until the body was read.
func (a *arrival) end() error {
	if a.body == nil {
		return fmt.Errorf("nothing was streamed: %q", a.head)
	}
	_ = a.body.Close() // never an error
	return <-a.read
}
