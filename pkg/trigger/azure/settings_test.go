package azure_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/trigger/azure"
)

func TestTimeoutsAreThoseOfHostJSON(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"00:10:00": 10 * time.Minute, "01:02:03": time.Hour + 2*time.Minute + 3*time.Second, "-1": 0, "1.00:00:00": 24 * time.Hour, "00:00:01": time.Second,
		"": -1, "0": -1, "10": -1, "00:10": -1, "00:00:00": -1, "-00:10:00": -1, "00:60:00": -1, "24:00:00": -1, "00:00:00.5": -1, "x:10:00": -1, "00:10:00:00": -1, "366.00:00:00": -1, "+1:00:00": -1,
	} {
		var got azure.Timeout
		err := got.UnmarshalText([]byte(text))
		if (err == nil) != (want >= 0) || err == nil && time.Duration(got) != want {
			t.Errorf("%q is %s, %v", text, time.Duration(got), err)
		}
	}
}

// remaining is a function that tells how much time it has.
func remaining(log *slog.Logger, left *time.Duration) map[string]azure.Function {
	return map[string]azure.Function{"users": &azure.HTTP{Output: "res", Log: log, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		*left = -1
		if end, limited := r.Context().Deadline(); limited {
			*left = time.Until(end)
		}
	})}}
}

func TestFunctionTimeoutIsTheDeadline(t *testing.T) {
	minutes, none := azure.Timeout(3*time.Minute), azure.Timeout(0)
	for name, c := range map[string]struct {
		host     string
		settings azure.Settings
		want     time.Duration
	}{
		"by default, that of the plans without a limit": {`{}`, azure.Settings{}, 30 * time.Minute},
		"as host.json says":                             {`{"functionTimeout":"00:10:00"}`, azure.Settings{}, 10 * time.Minute},
		"none":                                          {`{"functionTimeout":"-1"}`, azure.Settings{}, 0},
		"null":                                          {`{"functionTimeout":null}`, azure.Settings{}, 30 * time.Minute},
		"short":                                         {`{"functionTimeout":"00:00:10"}`, azure.Settings{}, 10 * time.Second},
		"as an app setting says":                        {`{"functionTimeout":"00:10:00"}`, azure.Settings{Timeout: &minutes}, 3 * time.Minute},
		"none, as an app setting says":                  {`{"functionTimeout":"00:10:00"}`, azure.Settings{Timeout: &none}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var left time.Duration
			a := open(t, c.settings, folder{"host.json": c.host, "users/function.json": keyed}, func(log *slog.Logger) map[string]azure.Function { return remaining(log, &left) })
			a.forward(t, "GET", "/api/users", nil)
			if c.want == 0 && left != -1 || c.want > 0 && (left > c.want-c.want/400 || left < c.want*8/10) {
				t.Errorf("%s are left of %s", left, c.want)
			}
			// The front end gives up earlier, and nothing is sent before the whole answer.
			a.invoke(t, "users", envelope(t, map[string]any{"Url": "https://a.example/api/users", "Method": "GET"}, nil))
			if left > 230*time.Second || left <= 0 {
				t.Errorf("%s are left of an answer that is sent whole", left)
			}
		})
	}
}

func TestAnAppThatIsNotSetUpIsNamed(t *testing.T) {
	log, _ := logger()
	functions := map[string]azure.Function{"users": &azure.HTTP{Log: log}}
	empty := ""
	for name, c := range map[string]struct {
		files    folder
		settings azure.Settings
		want     string
	}{
		"no host.json":                     {folder{"users/function.json": keyed}, azure.Settings{}, "host.json"},
		"no function.json":                 {folder{"host.json": `{}`}, azure.Settings{}, "function.json"},
		"not JSON":                         {folder{"host.json": `{`, "users/function.json": keyed}, azure.Settings{}, "host.json"},
		"another kind":                     {folder{"host.json": `{"extensions":[]}`, "users/function.json": keyed}, azure.Settings{}, "host.json"},
		"a function.json that is not JSON": {folder{"host.json": `{}`, "users/function.json": `[`}, azure.Settings{}, "function.json"},
		"no time":                          {folder{"host.json": `{"functionTimeout":"soon"}`, "users/function.json": keyed}, azure.Settings{}, "functionTimeout"},
		"no prefix of routes":              {folder{"host.json": `{"extensions":{"http":{"routePrefix":""}}}`, "users/function.json": keyed}, azure.Settings{}, "routePrefix"},
		"no prefix, by a variable":         {folder{"host.json": `{}`, "users/function.json": keyed}, azure.Settings{RoutePrefix: &empty}, "routePrefix"},
		"a prefix that is a function":      {folder{"host.json": `{"extensions":{"http":{"routePrefix":"/users/"}}}`, "users/function.json": keyed}, azure.Settings{}, "routePrefix"},
	} {
		c.settings.Root = c.files.write(t)
		if _, err := (&azure.App{Settings: c.settings, Functions: functions, Log: log}).Handler(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheHostsVariablesAreRead(t *testing.T) {
	var s azure.Settings
	_, err := config.Read([]string{
		"FUNCTIONS_CUSTOMHANDLER_PORT=4711", "FUNCTIONS_APP_ROOT_PATH=/home/site/wwwroot", "WEBSITE_AUTH_ENABLED=True", "WEBSITE_HOSTNAME=contoso.azurewebsites.net",
		"AzureFunctionsJobHost__functionTimeout=00:05:00", "AzureFunctionsJobHost__extensions__http__routePrefix=v2", "AzureFunctionsJobHost__extensions__queues__maxDequeueCount=7",
		"AzureFunctionsJobHost__logging__logLevel__default=Debug", "FUNCTIONS_WORKER_RUNTIME=custom",
	}, &s)
	if err != nil || s.Port != 4711 || s.Root != "/home/site/wwwroot" || !s.SignIn || s.Hostname != "contoso.azurewebsites.net" ||
		time.Duration(*s.Timeout) != 5*time.Minute || *s.RoutePrefix != "v2" || *s.MaxDequeueCount != 7 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, port := range []string{"0", "-1", "70000", "http", "80 81"} {
		if _, err := config.Read([]string{"FUNCTIONS_CUSTOMHANDLER_PORT=" + port}, new(azure.Settings)); err == nil || !strings.Contains(err.Error(), "FUNCTIONS_CUSTOMHANDLER_PORT") {
			t.Errorf("%s: %v", port, err)
		}
	}
}

func TestAHandlerWithoutAPortSaysWhoStartsIt(t *testing.T) {
	log, _ := logger()
	if err := (&azure.App{Log: log}).Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "FUNCTIONS_CUSTOMHANDLER_PORT is not set") {
		t.Error(err)
	}
}
