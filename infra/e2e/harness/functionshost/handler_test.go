package functionshost_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { reply(w, r) })
	mux.HandleFunc("/exit/{status}", func(_ http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.PathValue("status"))
		os.Exit(status)
	})
	switch name {
	case "replies":
	case "hangs":
		mux.HandleFunc("POST /", func(_ http.ResponseWriter, r *http.Request) { time.Sleep(time.Hour) })
	case "breaks":
		mux.HandleFunc("/api/", breakOff)
		mux.HandleFunc("POST /", breakOff)
	case "exits":
		status, _ := strconv.Atoi(os.Getenv("STATUS"))
		fmt.Println("exits")
		return status
	case "sleeps":
		time.Sleep(time.Hour)
	case "late":
		time.Sleep(300 * time.Millisecond)
	}
	fmt.Println("listens on", os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"))
	fmt.Fprintln(os.Stderr, "Warning: this is one")
	fmt.Fprint(os.Stderr, "this is an error")
	err := http.ListenAndServe("127.0.0.1:"+os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"), mux)
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// reply answers with what the settings say, or with the request.
func reply(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if text, ok := os.LookupEnv("REPLY"); ok && r.Method == http.MethodPost {
		w.Header().Set("Content-Type", "application/json")
		if kind := os.Getenv("REPLY_TYPE"); kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		if status, err := strconv.Atoi(os.Getenv("REPLY_STATUS")); err == nil {
			w.WriteHeader(status)
		}
		_, _ = io.WriteString(w, text)
		return
	}
	var seen strings.Builder
	fmt.Fprintf(&seen, "%s %s\nHost: %s\n", r.Method, r.RequestURI, r.Host)
	_ = r.Header.Write(&seen)
	fmt.Fprintf(&seen, "\n%s", body)
	if !strings.Contains(r.RequestURI[1:], "/") && r.Method == http.MethodPost {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"Outputs":{"res":{"statusCode":"200","headers":{"X-Seen":"yes"},"body":%s}},"Logs":["replied"],"ReturnValue":null}`, quoted(seen.String()))
		return
	}
	_, _ = io.WriteString(w, seen.String())
}

// breakOff sends the beginning of a response that never ends.
func breakOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"Outputs":`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// The parts of an app that most tests have.
const (
	hostJSON = `{"version":"2.0","extensionBundle":{"id":"Microsoft.Azure.Functions.ExtensionBundle","version":"[4.*, 5.0.0)"},
		"customHandler":{"description":{"defaultExecutablePath":"handler"}}}`
	httpFunction = `{"bindings":[
		{"type":"httpTrigger","name":"req","direction":"in","authLevel":"anonymous"},
		{"type":"http","name":"res","direction":"out"}]}`
	timerFunction = `{"bindings":[{"type":"timerTrigger","name":"timer","direction":"in","schedule":"0 0 3 * * *"}]}`
)

// files are an app's, by path.
type files map[string]string

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
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// start runs an app whose handler is the named one.
func start(t testing.TB, f files, handler string, change func(*functionshost.Config)) *functionshost.Host {
	t.Helper()
	return harness.Start(t, config(t, f, handler, change).Start)
}

func config(t testing.TB, f files, handler string, change func(*functionshost.Config)) functionshost.Config {
	t.Helper()
	cfg := functionshost.Config{Folder: f.write(t), Env: []string{"HANDLER=" + handler}}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

// with adds app settings.
func with(variables ...string) func(*functionshost.Config) {
	return func(cfg *functionshost.Config) { cfg.Env = append(cfg.Env, variables...) }
}
