package functionshost_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
)

// TestMain is also the handler of the apps that the tests run: each is a link to this
// binary, with the setting HANDLER.
func TestMain(m *testing.M) {
	if name := os.Getenv("HANDLER"); name != "" {
		os.Exit(handle(name))
	}
	os.Exit(m.Run())
}

// handle is a handler, conforming or not, and returns its exit status.
func handle(name string) int {
	signal.Ignore(syscall.SIGTERM)
	answer, ok := map[string]http.HandlerFunc{
		"replies": reply, "records": record, "echoes": echo, "breaks": breakOff,
		"hangs":    func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"exits":    nil, "sleeps": nil, "late": echo, "once": reply,
	}[name]
	switch {
	case !ok:
		panic("there is no handler " + name)
	case name == "exits":
		status, _ := strconv.Atoi(os.Getenv("STATUS"))
		fmt.Println("exits")
		return status
	case name == "sleeps":
		fmt.Println("sleeps")
		time.Sleep(time.Hour)
	case name == "once" && os.Mkdir("was-here", 0o750) != nil:
		time.Sleep(300 * time.Millisecond)
		return 1
	case name == "late":
		time.Sleep(500 * time.Millisecond)
	}
	fmt.Println("listens")
	fmt.Fprintln(os.Stderr, "a Warning\nan error")
	released := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/", answer)
	mux.HandleFunc("GET /{$}", http.NotFound)
	mux.HandleFunc("/api/exit/{status}", func(_ http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.PathValue("status"))
		os.Exit(status)
	})
	mux.HandleFunc("/api/drop", func(http.ResponseWriter, *http.Request) {
		fmt.Println("dropped")
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/api/stream/begin", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "13")
		_, _ = io.WriteString(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		<-released
		_, _ = io.WriteString(w, "second\n")
	})
	mux.HandleFunc("/api/stream/end", func(http.ResponseWriter, *http.Request) { close(released) })
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"), Handler: mux, ReadHeaderTimeout: time.Minute}
	fmt.Println(server.ListenAndServe())
	return 1
}

// reply answers with what the settings say.
func reply(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if kind, ok := os.LookupEnv("REPLY_TYPE"); ok {
		w.Header()["Content-Type"] = []string{kind}
	}
	if status, err := strconv.Atoi(os.Getenv("REPLY_STATUS")); err == nil {
		w.WriteHeader(status)
	}
	_, _ = io.WriteString(w, os.Getenv("REPLY"))
}

// record prints the request and answers that there are no outputs, after a while.
func record(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Printf("%s %s\n", r.URL.Path, body)
	time.Sleep(slow(body))
	reply(w, r)
}

// slow is how long the setting or the message says that it takes.
func slow(body []byte) time.Duration {
	var in struct{ Data struct{ Message string } }
	var text string
	if json.Unmarshal(body, &in) == nil && json.Unmarshal([]byte(in.Data.Message), &text) == nil {
		if d, err := time.ParseDuration(text); err == nil {
			return d
		}
	}
	d, _ := time.ParseDuration(os.Getenv("SLOW"))
	return d
}

// echo answers with the request, if it is in an envelope as the value of the output res.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var seen strings.Builder
	fmt.Fprintf(&seen, "%s %s\nHost: %s\n", r.Method, r.RequestURI, r.Host)
	_ = r.Header.Write(&seen)
	fmt.Fprintf(&seen, "\n%s", body)
	if r.Header.Get("Show") != "" {
		dir, _ := os.Getwd()
		fmt.Fprintf(&seen, "\nDIR=%s\n%s", dir, strings.Join(os.Environ(), "\n"))
	}
	if strings.HasPrefix(r.RequestURI, "/api/") {
		_, _ = io.WriteString(w, seen.String())
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"Outputs": map[string]any{"res": map[string]any{"statusCode": "200", "body": seen.String()}}, "Logs": []string{"replied"},
	})
}

// breakOff sends a response without its end.
func breakOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"Outputs":{"res":{"statusCode":"200"}}}`) // whole, but for the end of the last chunk
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// The parts of an app that most tests have.
const (
	hostJSON = `{"version":"2.0","extensionBundle":{"id":"Microsoft.Azure.Functions.ExtensionBundle","version":"[4.*, 5.0.0)"},
		"customHandler":{"description":{"defaultExecutablePath":"handler"}}}`
	httpFunction = `{"bindings":[
		{"type":"httpTrigger","name":"req","direction":"in","authLevel":"anonymous","route":"users/{id?}"},
		{"type":"http","name":"res","direction":"out"}]}`
	timerFunction = `{"bindings":[{"type":"timerTrigger","name":"timer","direction":"in","schedule":"0 0 3 * * *"}]}`

	forwarding = "AzureFunctionsJobHost__customHandler__enableForwardingHttpRequest=true"
	proxying   = "AzureFunctionsJobHost__customHandler__enableProxyingHttpRequest=true"
)

// files are an app's, by path.
type files map[string]string

// users is an app with one function over HTTP.
func users() files { return files{"host.json": hostJSON, "users/function.json": httpFunction} }

// everything is an app whose function takes every path.
func everything() files {
	return files{"host.json": hostJSON, "all/function.json": strings.Replace(httpFunction, "users/{id?}", "{*path}", 1)}
}

// write puts an app into a folder, with this binary as its handler.
func (f files) write(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(folder, "handler")); err != nil {
		t.Fatal(err)
	}
	for name, text := range f {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// start runs an app whose handler is the named one, with app settings.
func start(t testing.TB, f files, handler string, settings ...string) *functionshost.Host {
	t.Helper()
	return harness.Start(t, config(t, f, handler, settings...).Start)
}

func config(t testing.TB, f files, handler string, settings ...string) functionshost.Config {
	t.Helper()
	return functionshost.Config{Folder: f.write(t), Env: append([]string{"HANDLER=" + handler}, settings...)}
}

// count is how often the handler printed a line.
func count(h *functionshost.Host, text string) (n int) {
	for _, line := range h.Lines() {
		if line.Source == "stdout" && line.Text == text {
			n++
		}
	}
	return n
}
