package template_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/faultproxy"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
)

// ledger has the permissions that a function's requests take. moto checks none.
type ledger struct {
	url   string            // that the function sends its requests to
	names *strings.Replacer // for what stands for a name in the stack

	mu   sync.Mutex
	made []grant
}

// grant is a permission that was needed, of the resource unless that is "".
type grant struct{ action, resource string }

func keepLedger(t *testing.T, of *moto.Server, names *strings.Replacer) *ledger {
	t.Helper()
	l := &ledger{names: names}
	proxy := harness.Start(t, faultproxy.Config{Target: of.URL}.Start)
	l.url = proxy.URL
	proxy.Cut(func(c faultproxy.Call) bool {
		if !c.Replied {
			l.record(c.Request)
		}
		return false
	})
	return l
}

// record notes which permission a request of the function takes.
func (l *ledger) record(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	add := func(action, resource string) { l.made = append(l.made, grant{action, resource}) }
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, action, _ := strings.Cut(target, ".")
		switch {
		// Of these a function has one each, so that it need not be read from the body.
		case strings.HasPrefix(target, "secretsmanager."):
			add("secretsmanager:"+action, "")
		case strings.HasPrefix(target, "AWSEvents."):
			add("events:"+action, "")
		case strings.HasPrefix(target, "AmazonSQS."):
			add("sqs:"+strings.TrimSuffix(action, "Batch"), "")
		case strings.HasPrefix(target, "AWSStepFunctions."):
			add("states:"+action, "")
		default:
			add(target, "")
		}
		return
	}
	object := "arn:aws:s3:::" + strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case r.URL.Query().Has("tagging"):
		add("s3:PutObjectTagging", object)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		add("s3:GetObject", object)
	case r.Method == http.MethodPut:
		add("s3:PutObject", object)
		if r.Header.Get("X-Amz-Tagging") != "" {
			add("s3:PutObjectTagging", object)
		}
	case r.Method == http.MethodDelete:
		add("s3:DeleteObject", object)
	default:
		add(r.Method, object)
	}
}

// check compares what the function has asked for with what its role may do.
func (l *ledger) check(t *testing.T, may []statement) {
	t.Helper()
	used := map[string]bool{}
	for _, made := range l.made {
		allowed := false
		for _, one := range may {
			for _, resource := range one.Resource {
				if slices.Contains(one.Action, made.action) && (made.resource == "" || wildcard(l.names.Replace(resource), made.resource)) {
					allowed = true
					used[made.action+" "+resource] = true
				}
			}
		}
		if !allowed {
			t.Errorf("the role lacks %s of %s", made.action, made.resource)
		}
	}
	for _, one := range may {
		for _, resource := range one.Resource {
			for _, action := range one.Action {
				if !used[action+" "+resource] && !elsewhere(action, resource) {
					t.Errorf("the role may %s of %s, which nothing needs", action, resource)
				}
			}
		}
	}
}

// elsewhere reports whether a permission is for what this test has not: services that act
// for the function, events too large for the bus, and objects that are not there.
func elsewhere(action, resource string) bool {
	return strings.HasPrefix(action, "logs:") || resource == "<ChangesQueue.Arn>" || strings.HasPrefix(action, "kms:") ||
		action == "s3:ListBucket" || strings.HasSuffix(resource, "/claims/*")
}

// wildcard reports whether a text is what a pattern of IAM stands for.
func wildcard(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	rest, found := strings.CutPrefix(text, parts[0])
	for _, part := range parts[1:] {
		if !found {
			return false
		}
		if part == "" {
			return true
		}
		_, rest, found = strings.Cut(rest, part)
	}
	return found && (rest == "" || strings.HasSuffix(pattern, "*"))
}
