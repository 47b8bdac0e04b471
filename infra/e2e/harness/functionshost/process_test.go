package functionshost_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
)

func TestTheHandlerRunsInTheAppsFolderWithItsSettingsAndThePlatforms(t *testing.T) {
	t.Setenv("OF_THE_TEST", "1")
	cfg := config(t, users(), "echoes", forwarding, "ROLLCALL_SINKS=azblob://a/b")
	host := harness.Start(t, cfg.Start)
	body := ask(t, http.MethodGet, host.URL+"/api/users", "", "Show", "1").body
	_, shown, _ := strings.Cut(body, "\nDIR=")
	dir, environment, _ := strings.Cut(shown, "\n")
	if dir != cfg.Folder {
		t.Errorf("the working directory is %s", dir)
	}
	names := map[string]string{}
	for variable := range strings.SplitSeq(environment, "\n") {
		name, value, _ := strings.Cut(variable, "=")
		names[name] = value
	}
	for _, name := range []string{"FUNCTIONS_CUSTOMHANDLER_PORT", "FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "ROLLCALL_SINKS", "WEBSITE_HOSTNAME"} {
		if names[name] == "" {
			t.Errorf("%s is not set", name)
		}
	}
	if names["FUNCTIONS_HTTPWORKER_PORT"] != names["FUNCTIONS_CUSTOMHANDLER_PORT"] || names["FUNCTIONS_HTTPWORKER_ID"] != names["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"] {
		t.Error("the older names have other values")
	}
	if names["FUNCTIONS_APP_ROOT_PATH"] != cfg.Folder || names["WEBSITE_AUTH_ENABLED"] != "False" {
		t.Errorf("%v", names)
	}
	if _, ok := names["OF_THE_TEST"]; ok {
		t.Error("the test's own environment is handed on")
	}
}

func TestLinesOnStderrAreErrorsUnlessTheySayThatTheyAreWarnings(t *testing.T) {
	host := start(t, users(), "echoes")
	type entry struct {
		Severity     functionshost.Severity
		Source, Text string
	}
	var got []entry
	for _, want := range []string{"listens", "a Warning", "an error"} {
		line, err := host.WaitLine(t.Context(), func(l functionshost.Line) bool { return l.Text == want })
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entry{line.Severity, line.Source, line.Text})
	}
	want := []entry{
		{functionshost.Information, "stdout", "listens"}, {functionshost.Warning, "stderr", "a Warning"}, {functionshost.Error, "stderr", "an error"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAHandlerThatDoesNotComeUpIsAnError(t *testing.T) {
	for name, test := range map[string]struct {
		handler, status, printed string
		starts                   int
	}{
		"it ends with status 0, once": {"exits", "0", "exits", 1},
		"it fails three times":        {"exits", "1", "exits", 3},
		"it never listens":            {"sleeps", "", "sleeps", 3},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, users(), test.handler, "STATUS="+test.status)
			if test.handler == "sleeps" {
				cfg.InitTimeout = 500 * time.Millisecond
			}
			host, err := cfg.Start(t.Context())
			if err == nil {
				host.Close()
				t.Fatal("it came up")
			}
			var failed *functionshost.StartError
			if !errors.As(err, &failed) || strings.Count(failed.Output, test.printed) != test.starts {
				t.Error(err)
			}
		})
	}
}

func TestAHandlerMayListenLate(t *testing.T) {
	host := start(t, users(), "late")
	if response := ask(t, http.MethodGet, host.URL+"/api/users", ""); response.status != http.StatusOK {
		t.Error(response.status)
	}
}

func TestTheExitStatusSaysWhetherTheHandlerIsStartedAgain(t *testing.T) {
	const failed, down = http.StatusInternalServerError, http.StatusServiceUnavailable
	for status, test := range map[string]struct {
		answers []int
		starts  int
	}{
		"0":   {[]int{failed, failed, failed, failed, failed}, 1},
		"1":   {[]int{failed, failed, failed, down, down}, 3},
		"200": {[]int{failed, failed, failed, failed, failed}, 6},
	} {
		t.Run(status, func(t *testing.T) {
			host := start(t, everything(), "echoes", forwarding)
			var answers []int
			for range test.answers {
				response := ask(t, http.MethodGet, host.URL+"/api/exit/"+status, "")
				answers = append(answers, response.status)
				waitForEnd(t, host, len(answers))
			}
			if diff := cmp.Diff(test.answers, answers); diff != "" {
				t.Error(diff)
			}
			if status == "200" {
				ask(t, http.MethodGet, host.URL+"/api/users", "") // waits for the start
			}
			if n := count(host, "listens"); n != test.starts {
				t.Errorf("started %d times, not %d", n, test.starts)
			}
		})
	}
}

// waitForEnd waits until the host has noticed n ends of the handler, or that there will be
// no more.
func waitForEnd(t *testing.T, host *functionshost.Host, n int) {
	t.Helper()
	_, err := host.WaitLine(t.Context(), func(functionshost.Line) bool {
		ends := 0
		for _, line := range host.Lines() {
			switch {
			case line.Source != "host":
			case strings.Contains(line.Text, "The handler ended with status 0"), strings.Contains(line.Text, "shuts down"):
				return true
			case strings.HasPrefix(line.Text, "The handler ended"):
				ends++
			}
		}
		return ends >= n
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAKilledHandlerFailsItsInvocationAndIsStartedAgain(t *testing.T) {
	for name, mode := range map[string]string{"in an envelope": "NONE=1", "forwarded": forwarding, "proxied": proxying} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, users(), "echoes", mode)
			cfg.Begun = func(h *functionshost.Host, i functionshost.Invocation) {
				if i.Number == 2 {
					h.Kill()
				}
			}
			host := harness.Start(t, cfg.Start)
			before := host.PID()
			var answers []int
			for range 3 {
				response := ask(t, http.MethodGet, host.URL+"/api/users", "")
				answers = append(answers, response.status)
			}
			if diff := cmp.Diff([]int{200, 500, 200}, answers); diff != "" {
				t.Error(diff)
			}
			if host.PID() == before {
				t.Error("it is the same process")
			}
		})
	}
}

func TestARequestWaitsForAHandlerThatIsStartedAgain(t *testing.T) {
	host := start(t, users(), "late")
	before, restarted := host.PID(), make(chan error)
	go func() { restarted <- host.Restart(t.Context()) }()
	for host.PID() == before { // the new one is not listening yet
		time.Sleep(time.Millisecond)
	}
	if response := ask(t, http.MethodGet, host.URL+"/api/users", ""); response.status != http.StatusOK {
		t.Error(response.status)
	}
	if err := <-restarted; err != nil {
		t.Error(err)
	}
}

func TestARestartIsNoFault(t *testing.T) {
	host := start(t, users(), "echoes")
	for range 4 {
		before := host.PID()
		if err := host.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if host.PID() == before {
			t.Error("it is the same process")
		}
		if response := ask(t, http.MethodGet, host.URL+"/api/users", ""); response.status != http.StatusOK {
			t.Error(response.status)
		}
	}
}

func TestAnInvocationPastFunctionTimeoutFailsAndItsHandlerIsKilled(t *testing.T) {
	for name, mode := range map[string]string{"in an envelope": "NONE=1", "forwarded": forwarding, "proxied": proxying} {
		t.Run(name, func(t *testing.T) {
			host := start(t, users(), "hangs", mode, "AzureFunctionsJobHost__functionTimeout=00:00:00.3")
			before := host.PID()
			response := ask(t, http.MethodGet, host.URL+"/api/users", "")
			record, err := host.Wait(t.Context(), func(functionshost.Record) bool { return true })
			var late *functionshost.TimeoutError
			if err != nil || !errors.As(record.Err, &late) || response.status != http.StatusInternalServerError {
				t.Errorf("%v %+v %d", err, record, response.status)
			}
			if _, err := host.WaitLine(t.Context(), func(functionshost.Line) bool { return count(host, "listens") == 2 }); err != nil || !gone(before) {
				t.Errorf("the handler is the same, %v", err)
			}
			if slices.ContainsFunc(host.Lines(), func(l functionshost.Line) bool { return strings.HasPrefix(l.Text, "The handler ended:") }) {
				t.Error("the kill counts as a fault")
			}
		})
	}
}

// gone reports whether a process has ended.
func gone(pid int) bool { return syscall.Kill(pid, 0) != nil }

func TestCloseEndsAHandlerThatIgnoresSignals(t *testing.T) {
	host := start(t, users(), "echoes")
	pid := host.PID()
	host.Close()
	host.Close()
	if !gone(pid) {
		t.Error("it still runs")
	}
}

func TestStopWaitsForInvocations(t *testing.T) {
	begun := make(chan struct{})
	cfg := config(t, users(), "records", "SLOW=300ms", `REPLY={"Outputs":{"res":{"statusCode":"200"}}}`)
	cfg.Begun = func(*functionshost.Host, functionshost.Invocation) { close(begun) }
	host := harness.Start(t, cfg.Start)
	status := make(chan int)
	go func() {
		response := ask(t, http.MethodGet, host.URL+"/api/users", "")
		status <- response.status
	}()
	<-begun
	if err := host.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if got := <-status; got != http.StatusOK {
		t.Error(got)
	}
}
