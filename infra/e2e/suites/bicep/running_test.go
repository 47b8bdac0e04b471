package bicep_test

import (
	"archive/zip"
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

// TestTheDeployedHandlerUnderstandsTheSettings unpacks the zip file that is deployed, and starts
// the handler with the settings of each deployment. It reports at start what is wrong with them.
func TestTheDeployedHandlerUnderstandsTheSettings(t *testing.T) {
	if runtime.GOOS+"/"+runtime.GOARCH != "linux/amd64" {
		t.Skip("the handler is a program for linux/amd64")
	}
	app := unpacked(t)
	for name, d := range deployments(t) {
		if log := start(t, app, settings(t, d)); strings.Contains(log, `"level":"ERROR"`) {
			t.Errorf("%s:\n%s", name, log)
		}
	}
	if log := start(t, app, map[string]string{"ROLLCALL_SINK": "x"}); !strings.Contains(log, "ROLLCALL_SINK") {
		t.Errorf("a setting that does not exist is not reported:\n%s", log)
	}
}

// unpacked is a folder with what `make package-azure` has packed.
func unpacked(t *testing.T) string {
	t.Helper()
	command := process.NewCommand(t.Context(), "make", "package-azure")
	command.Dir = harness.Path(t)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	z, err := zip.OpenReader(harness.Path(t, "bin", "azure.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	dir := t.TempDir()
	if err := os.CopyFS(dir, z); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start starts the handler as the host does, until it answers, and returns its log.
func start(t *testing.T, app string, settings map[string]string) string {
	t.Helper()
	port := freePort(t)
	command := process.NewCommand(t.Context(), filepath.Join(app, "handler"))
	command.Dir = app
	command.Env = []string{"FUNCTIONS_CUSTOMHANDLER_PORT=" + port}
	for name, value := range settings {
		command.Env = append(command.Env, name+"="+value)
	}
	var log bytes.Buffer
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	answers(t, "http://127.0.0.1:"+port)
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Fatalf("%v:\n%s", err, &log)
	}
	return log.String()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// answers waits until somebody answers at an address.
func answers(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
