package functionshost_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
)

func TestFoldersThatAzureCouldNotRunAreRefused(t *testing.T) {
	trigger := func(members string) string {
		return `{"bindings":[{"type":"httpTrigger","name":"req","direction":"in",` + members + `}]}`
	}
	host := func(members string) string {
		return strings.Replace(hostJSON, `"version":"2.0"`, `"version":"2.0",`+members, 1)
	}
	for name, test := range map[string]struct {
		path, text, want string
	}{
		"host.json that is not JSON":           {"host.json", "{", "host.json"},
		"another version":                      {"host.json", `{"version":"1.0"}`, "version"},
		"no handler":                           {"host.json", `{"version":"2.0"}`, "defaultExecutablePath"},
		"a handler that is not there":          {"host.json", strings.Replace(hostJSON, `"handler"`, `"other"`, 1), "other"},
		"a handler that is a folder":           {"host.json", strings.Replace(hostJSON, `"handler"`, `"users"`, 1), "folder"},
		"a handler that may not be executed":   {"host.json", strings.Replace(hostJSON, `"handler"`, `"host.json"`, 1), "execute bit"},
		"an unknown setting of the handler":    {"host.json", strings.Replace(hostJSON, `"description"`, `"enableHttpProxying":true,"description"`, 1), "enablehttpproxying"},
		"an unknown setting of queues":         {"host.json", host(`"extensions":{"queues":{"batchsizes":1}}`), "batchsizes"},
		"an unknown setting of HTTP":           {"host.json", host(`"extensions":{"http":{"prefix":""}}`), "prefix"},
		"an unknown section":                   {"host.json", host(`"functionTimout":"00:05:00"`), "functiontimout"},
		"a flag that is none":                  {"host.json", strings.Replace(hostJSON, `"description"`, `"enableProxyingHttpRequest":"yes","description"`, 1), "yes"},
		"a timeout in seconds":                 {"host.json", host(`"functionTimeout":300`), "300"},
		"a timeout of zero":                    {"host.json", host(`"functionTimeout":"00:00:00"`), "zero"},
		"a batch that is too large":            {"host.json", host(`"extensions":{"queues":{"batchSize":33}}`), "32"},
		"an encoding that is none":             {"host.json", host(`"extensions":{"queues":{"messageEncoding":"utf8"}}`), "utf8"},
		"a polling interval in seconds":        {"host.json", host(`"extensions":{"queues":{"maxPollingInterval":"2s"}}`), "2s"},
		"function.json that is not JSON":       {"users/function.json", "[", "function.json"},
		"an unknown member":                    {"users/function.json", `{"binding":[]}`, "binding"},
		"an unknown member of a binding":       {"users/function.json", trigger(`"method":["get"]`), "method"},
		"no trigger":                           {"users/function.json", `{"bindings":[{"type":"http","name":"res","direction":"out"}]}`, "no trigger"},
		"two triggers":                         {"users/function.json", strings.Replace(httpFunction, `"type":"http","name":"res","direction":"out"`, `"type":"timerTrigger","name":"t","direction":"in","schedule":"0 0 3 * * *"`, 1), "second trigger"},
		"an unknown binding":                   {"users/function.json", strings.Replace(httpFunction, `"type":"http"`, `"type":"sendGrid"`, 1), "sendGrid"},
		"a wrong direction":                    {"users/function.json", strings.Replace(httpFunction, `"out"`, `"in"`, 1), "direction"},
		"two bindings of one name":             {"users/function.json", strings.Replace(httpFunction, `"res"`, `"Req"`, 1), "two of that name"},
		"a binding without a name":             {"users/function.json", strings.Replace(httpFunction, `"res"`, `""`, 1), "name"},
		"an authLevel that is none":            {"users/function.json", trigger(`"authLevel":"user"`), "user"},
		"a route of the host's":                {"users/function.json", trigger(`"route":"admin/users"`), "the host's own"},
		"a route with a constraint":            {"users/function.json", trigger(`"route":"users/{id:int}"`), "{id:int}"},
		"a route that goes on after the rest":  {"users/function.json", trigger(`"route":"{*rest}/users"`), "goes on"},
		"a schedule of five fields":            {"users/function.json", strings.Replace(timerFunction, "0 0 3", "0 3", 1), "5 fields"},
		"a timer that runs at each start":      {"users/function.json", strings.Replace(timerFunction, `"schedule"`, `"runOnStartup":true,"schedule"`, 1), "runOnStartup"},
		"a schedule whose setting is missing":  {"users/function.json", strings.Replace(timerFunction, "0 0 3 * * *", "%SCHEDULE%", 1), "%SCHEDULE%"},
		"a policy of repeating HTTP":           {"users/function.json", strings.Replace(httpFunction, "{", `{"retry":{"strategy":"fixedDelay","maxRetryCount":1,"delayInterval":"00:00:01"},`, 1), "retry"},
		"a policy without a delay":             {"users/function.json", strings.Replace(timerFunction, "{", `{"retry":{"strategy":"fixedDelay","maxRetryCount":1},`, 1), "hh:mm:ss"},
		"a name of a queue that is none":       {"users/function.json", strings.Replace(workerFunction, "%QUEUE%", "Work", 1), "Work"},
		"queues without storage":               {"users/function.json", strings.Replace(workerFunction, "%QUEUE%", "work", 1), "Config.Queues"},
		"two functions of one name":            {"Users/function.json", httpFunction, "same name"},
		"two functions of one route":           {"more/function.json", httpFunction, "same route"},
		"a function whose name is not allowed": {"2nd/function.json", strings.Replace(httpFunction, "users/{id?}", "second", 1), "2nd"},
	} {
		t.Run(name, func(t *testing.T) {
			app := users()
			app[test.path] = test.text
			host, err := config(t, app, "echoes").Start(t.Context())
			if err == nil {
				host.Close()
				t.Fatal("it runs")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Error(err)
			}
		})
	}
	t.Run("no host.json", func(t *testing.T) { refused(t, files{"users/function.json": httpFunction}, "host.json") })
	t.Run("no functions", func(t *testing.T) { refused(t, files{"host.json": hostJSON}, "no functions") })
	t.Run("queues without the extension bundle", func(t *testing.T) {
		refused(t, files{
			"host.json":            `{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"handler"}}}`,
			"work/function.json":   strings.Replace(workerFunction, "%QUEUE%", "work", 1),
			"nothing/function.txt": "",
		}, "extension bundle")
	})
	t.Run("an app setting without a name", func(t *testing.T) {
		cfg := config(t, users(), "echoes", "NAME")
		if host, err := cfg.Start(t.Context()); err == nil {
			host.Close()
			t.Error("it runs")
		}
	})
}

func refused(t *testing.T, app files, want string) {
	t.Helper()
	host, err := config(t, app, "echoes").Start(t.Context())
	if err == nil {
		host.Close()
		t.Fatal("it runs")
	}
	if !strings.Contains(err.Error(), want) {
		t.Error(err)
	}
}

func TestTheHandlerMayHaveArgumentsAndAnotherFolder(t *testing.T) {
	app := users()
	app["sub/empty"] = ""
	app["host.json"] = strings.Replace(hostJSON, `"defaultExecutablePath":"handler"`,
		`"defaultExecutablePath":"/bin/sh","workingDirectory":"sub","arguments":["-c","exec ../handler"]`, 1)
	cfg := config(t, app, "echoes", forwarding)
	host, err := cfg.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if body := ask(t, http.MethodGet, host.URL+"/api/users", "", "Show", "1").body; !strings.Contains(body, "DIR="+filepath.Join(cfg.Folder, "sub")+"\n") {
		t.Error(body)
	}
}

func TestADisabledFunctionIsNotFound(t *testing.T) {
	for _, host := range []*functionshost.Host{
		start(t, users(), "echoes", "AzureWebJobs.users.Disabled=true"),
		start(t, files{"host.json": hostJSON, "users/function.json": strings.Replace(httpFunction, "{", `{"disabled":true,`, 1)}, "echoes"),
	} {
		if response := ask(t, http.MethodGet, host.URL+"/api/users", ""); response.status != http.StatusNotFound {
			t.Error(response.status)
		}
	}
}
