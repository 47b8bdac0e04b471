package trigger_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// limited is what a handler that compresses sees of a host.
type limited interface {
	Room() int
	Refuse() error
}

func TestTheRoomOfAnAnswerIsWhatIsTakenOfIt(t *testing.T) {
	for name, encoding := range map[string]string{"plain": "", "compressed": "gzip"} {
		for _, over := range []int{0, 1} {
			h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if encoding != "" {
					w.Header().Set("Content-Encoding", encoding)
				}
				_, _ = w.Write(make([]byte, 1000)) // zeros cost six bytes in JSON
				n := w.(limited).Room()
				if encoding == "" {
					n /= 6 // Room counts what needs no quoting
				}
				n += over
				if _, err := w.Write(make([]byte, n)); (err == nil) != (over == 0) {
					t.Errorf("%s: %d more bytes: %v", name, n, err)
				}
				if room := w.(limited).Room(); over == 0 && room >= 6 || over == 1 && room != 0 {
					t.Errorf("%s: room for %d more", name, room)
				}
			})
			out, err := (&trigger.Server{Handler: h}).Buffered(t.Context(), request(http.MethodGet))
			if err != nil || (out.Status == 200) != (over == 0) {
				t.Errorf("%s: %v, %v", name, out, err)
			}
		}
	}
}

func TestTheRoomOfAStreamIsWhatIsTakenOfIt(t *testing.T) {
	out := streamed(t, func(w http.ResponseWriter, _ *http.Request) {
		host := w.(limited)
		_, _ = w.Write(make([]byte, 1000))
		if _, err := w.Write(make([]byte, host.Room())); err != nil || host.Room() != 0 {
			t.Errorf("%v, room for %d", err, host.Room())
		}
		if err := host.Refuse(); failure.Of(err).Name != "Response.TooLarge" || host.Room() != 4<<10 {
			t.Errorf("%v, room for %d in the end", err, host.Room())
		}
		if _, err := w.Write([]byte("not complete")); err != nil || host.Room() != 0 {
			t.Errorf("%v, room for %d after the closing record", err, host.Room())
		}
		if _ = host.Refuse(); host.Room() != 0 {
			t.Errorf("there is room for a second closing record")
		}
	})
	if text, err := io.ReadAll(out.Body); err != nil || !strings.HasSuffix(string(text), "not complete") || len(text) > 1<<20 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestARefusedAnswerIsTakenBack(t *testing.T) {
	s := trigger.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write([]byte("a part"))
		_ = w.(limited).Refuse()
		_, _ = w.Write([]byte("another"))
	})}
	out, err := s.Buffered(t.Context(), request(http.MethodGet))
	if err != nil {
		t.Fatal(err)
	}
	if text, packed := out.Text(); out.Status != http.StatusRequestEntityTooLarge || packed || !strings.Contains(text, "Response.TooLarge") || strings.Contains(text, "part") || out.Header.Get("Content-Encoding") != "" {
		t.Errorf("%d %v %s", out.Status, out.Header, text)
	}
}

func TestOnlyWhoCouldBeSentGzipIsAdvisedToAskForIt(t *testing.T) {
	for _, passes := range []bool{true, false} {
		for _, encoding := range []string{"", "gzip"} {
			for _, length := range []string{"", fmt.Sprint(2 << 20)} {
				s := trigger.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					for name, value := range map[string]string{"Content-Encoding": encoding, "Content-Length": length} {
						if value != "" {
							w.Header().Set(name, value)
						}
					}
					if _, err := w.Write(make([]byte, 2<<20)); err != nil {
						_, _ = io.WriteString(w, err.Error())
					}
				})}
				want := passes && encoding == ""
				x := request(http.MethodGet)
				x.Compressed = passes
				out, err := s.Buffered(t.Context(), x)
				if err != nil {
					t.Fatal(err)
				}
				x = request(http.MethodGet)
				x.Compressed = passes
				stream, err := s.Streamed(t.Context(), x)
				if err != nil {
					t.Fatal(err)
				}
				streamed, err := io.ReadAll(stream.Body)
				if err != nil {
					t.Fatal(err)
				}
				for how, text := range map[string]string{"buffered": string(out.Body), "streamed": string(streamed)} {
					if !strings.Contains(text, "ask for less") || strings.Contains(text, "send Accept-Encoding: gzip") != want {
						t.Errorf("%s, passed on %v, sent in %q: %s", how, passes, encoding, text)
					}
				}
			}
		}
	}
}
