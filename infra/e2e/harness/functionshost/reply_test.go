package functionshost_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
)

func TestRepliesThatDoNotConformFailTheInvocation(t *testing.T) {
	const good = `{"Outputs":{"res":{"statusCode":"200"}},"Logs":["a"],"ReturnValue":null}`
	for name, test := range map[string]struct {
		reply, kind, status, want string
		lenient                   int // what the real host answers where it says nothing
	}{
		"an empty body":                 {"", "application/json", "", "is empty", 500},
		"not JSON":                      {"OK", "application/json", "", "invalid response", 500},
		"null":                          {"null", "application/json", "", "it is null", 500},
		"more than JSON":                {good + "x", "application/json", "", "more after", 500},
		"another type":                  {good, "text/plain", "", "Content-Type", 500},
		"no type":                       {good, "", "", "Content-Type", 500},
		"another status":                {good, "application/json", "500", "status code", 500},
		"a redirect":                    {good, "application/json", "302", "status code", 500},
		"an undeclared output":          {`{"Outputs":{"res":{"statusCode":"200"},"queue":1}}`, "application/json", "", `"queue"`, 200},
		"another spelling of an output": {`{"Outputs":{"Res":{"statusCode":"200"}}}`, "application/json", "", `"Res"`, 200},
		"an unknown member":             {`{"Output":{}}`, "application/json", "", `"Output"`, 200},
		"no HTTP output":                {`{"Outputs":{},"Logs":[]}`, "application/json", "", "missing", 200},
		"Logs of numbers":               {`{"Outputs":{"res":{"statusCode":"200"}},"Logs":[1]}`, "application/json", "", "invalid response", 500},
		"Logs as a text":                {`{"Outputs":{"res":{"statusCode":"200"}},"Logs":"a"}`, "application/json", "", "invalid response", 500},
		"Outputs as a list":             {`{"Outputs":[]}`, "application/json", "", "invalid response", 500},
		"status alone":                  {`{"Outputs":{"res":{"status":401}}}`, "application/json", "", "statusCode", 200},
		"a status that is none":         {`{"Outputs":{"res":{"statusCode":"OK"}}}`, "application/json", "", "statusCode", 200},
		"headers as lists":              {`{"Outputs":{"res":{"statusCode":"200","headers":{"a":["b"]}}}}`, "application/json", "", "header", 500},
		"a header without a value":      {`{"Outputs":{"res":{"statusCode":"200","headers":{"a":null}}}}`, "application/json", "", "header", 500},
		"cookies":                       {`{"Outputs":{"res":{"statusCode":"200","cookies":[]}}}`, "application/json", "", `"cookies"`, 200},
		"HTTP output as a text":         {`{"Outputs":{"res":"hello"}}`, "application/json", "", "statusCode, headers", 500},
	} {
		t.Run(name, func(t *testing.T) {
			for _, lenient := range []bool{false, true} {
				cfg := config(t, users(), "replies", "REPLY="+test.reply, "REPLY_TYPE="+test.kind, "REPLY_STATUS="+test.status)
				cfg.Lenient = lenient
				host := harness.Start(t, cfg.Start)
				response := ask(t, http.MethodGet, host.URL+"/api/users", "")
				record, err := host.Wait(t.Context(), func(functionshost.Record) bool { return true })
				if err != nil {
					t.Fatal(err)
				}
				if want := map[bool]int{false: 500, true: test.lenient}[lenient]; response.status != want || record.Status != want || response.body != "" {
					t.Errorf("lenient %t: %d %q", lenient, response.status, response.body)
				}
				if !lenient && (record.Err == nil || !strings.Contains(record.Err.Error(), test.want)) {
					t.Error(record.Err)
				}
			}
		})
	}
}

func TestTheHTTPOutputBecomesTheResponse(t *testing.T) {
	const own = "application/vnd.own"
	for name, test := range map[string]struct {
		reply, body, kind string
		status            int
	}{
		"a text":                {`{"Outputs":{"res":{"statusCode":"201","headers":{"X-A":"b","content-type":"` + own + `"},"body":"{\"a\":1}"}}}`, `{"a":1}`, own, 201},
		"a number as status":    {`{"Outputs":{"res":{"statusCode":404,"headers":{"X-A":"b"},"body":"YWJj"}}}`, "YWJj", "text/plain; charset=utf-8", 404},
		"an object":             {`{"Outputs":{"res":{"statusCode":"200","headers":{"X-A":"b"},"body":{"a":[1,"<"]}}}}`, "{\n  \"a\": [\n    1,\n    \"<\"\n  ]\n}", "text/plain; charset=utf-8", 200},
		"a truth value":         {`{"Outputs":{"res":{"statusCode":"200","headers":{"X-A":"b"},"body":true}}}`, "True", "text/plain; charset=utf-8", 200},
		"in ReturnValue":        {`{"ReturnValue":{"res":{"statusCode":"202","headers":{"X-A":"b"}}}}`, "", "text/plain; charset=utf-8", 202},
		"no content":            {`{"Outputs":{"res":{"statusCode":"204","headers":{"X-A":"b"}}}}`, "", "text/plain; charset=utf-8", 204},
		"members in lower case": {`{"outputs":{"res":{"statuscode":"200","Headers":{"X-A":"b"},"BODY":"x"}}}`, "x", "text/plain; charset=utf-8", 200},
	} {
		t.Run(name, func(t *testing.T) {
			host := start(t, users(), "replies", "REPLY="+test.reply)
			response := ask(t, http.MethodGet, host.URL+"/api/users", "")
			got := []any{response.status, response.body, response.header.Get("Content-Type"), response.header.Get("X-A")}
			if diff := cmp.Diff([]any{test.status, test.body, test.kind, "b"}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheReturnValueBecomesTheResponseOfABindingOfThatName(t *testing.T) {
	app := users()
	app["users/function.json"] = strings.Replace(httpFunction, `"res"`, `"$return"`, 1)
	for reply, want := range map[string]string{
		`{"ReturnValue":"plain text"}`:                                     "200 plain text",
		`{"ReturnValue":"aGVsbG8="}`:                                       "200 hello", // base64, whatever it was meant to be
		`{"ReturnValue":"{\"statusCode\":201,\"body\":\"x\"}"}`:            "201 x",
		`{"ReturnValue":{"status":403,"body":"x"}}`:                        "403 x",
		`{"Outputs":{"$return":{"statusCode":200}},"ReturnValue":{"a":1}}`: "500 ",
	} {
		host := start(t, app, "replies", "REPLY="+reply)
		response := ask(t, http.MethodGet, host.URL+"/api/users", "")
		if got := fmt.Sprint(response.status, " ", response.body); got != want {
			t.Errorf("%s: %s", reply, got)
		}
	}
}

func TestAFunctionWithoutOutputsAnswers204(t *testing.T) {
	app := users()
	app["users/function.json"] = `{"bindings":[{"type":"httpTrigger","name":"req","direction":"in","authLevel":"anonymous"}]}`
	host := start(t, app, "replies", "REPLY={}")
	if response := ask(t, http.MethodGet, host.URL+"/api/users", ""); response.status != http.StatusNoContent {
		t.Error(response.status)
	}
}
