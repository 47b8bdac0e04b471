package functionshost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// mode is how a function with HTTP as its only input and output is called.
type mode int

const (
	enveloped mode = iota
	forwarded
	proxied
)

// app is a folder as it is deployed.
type app struct {
	folder    string
	program   string
	args      []string
	dir       string
	mode      mode
	prefix    string        // of the routes
	timeout   time.Duration // of an invocation, 0 for none
	queues    queueOptions
	functions []*function // in the order of their names
}

// queueOptions are the settings at extensions.queues.
type queueOptions struct {
	batch, threshold, most int
	retry                  time.Duration
	base64                 bool
}

// load reads an app's folder and refuses one that Azure could not run.
func load(folder string, variables []string) (*app, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	env, err := environ(variables)
	if err != nil {
		return nil, err
	}
	s, err := readSettings(folder, env)
	if err != nil {
		return nil, err
	}
	a := &app{folder: folder, prefix: strings.Trim(s.text("extensions:http:routeprefix", "api"), "/")}
	if err := errors.Join(a.handler(s), a.limits(s)); err != nil {
		return nil, err
	}
	if a.functions, err = readFunctions(folder, env); err != nil {
		return nil, err
	}
	return a, a.fits(s)
}

// handler reads what is said of the custom handler.
func (a *app) handler(s settings) error {
	name := s.text("customhandler:description:defaultexecutablepath", "")
	if name == "" {
		return errors.New("host.json: customHandler.description.defaultExecutablePath is missing")
	}
	a.program = name
	if !filepath.IsAbs(name) {
		a.program = filepath.Join(a.folder, name)
	}
	switch info, err := os.Stat(a.program); {
	case err != nil:
		return fmt.Errorf("the handler: %w", err)
	case info.IsDir():
		return fmt.Errorf("the handler %s is a folder", a.program)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("the handler %s may not be executed: set its execute bit", a.program)
	}
	a.args = s.list("customhandler:description:arguments")
	a.dir = s.text("customhandler:description:workingdirectory", "")
	if !filepath.IsAbs(a.dir) {
		a.dir = filepath.Join(a.folder, a.dir)
	}
	forwards, err := s.flag("customhandler:enableforwardinghttprequest")
	proxies, err2 := s.flag("customhandler:enableproxyinghttprequest")
	switch {
	case proxies:
		a.mode = proxied
	case forwards:
		a.mode = forwarded
	}
	return errors.Join(err, err2)
}

// limits reads functionTimeout and extensions.queues.
func (a *app) limits(s settings) error {
	var errs [6]error
	if s["functiontimeout"] != "-1" {
		if a.timeout, errs[0] = s.span("functiontimeout", "00:30:00"); errs[0] == nil && a.timeout <= 0 {
			errs[0] = errors.New("host.json: functionTimeout is zero: leave it out, or set -1 for none")
		}
	}
	q := &a.queues
	q.batch, errs[1] = s.number("extensions:queues:batchsize", 16, 1, 32)
	q.threshold, errs[2] = s.number("extensions:queues:newbatchthreshold", q.batch/2, 0, 1000)
	q.most, errs[3] = s.number("extensions:queues:maxdequeuecount", 5, 1, 1<<20)
	q.retry, errs[4] = s.span("extensions:queues:visibilitytimeout", "00:00:00")
	_, errs[5] = s.span("extensions:queues:maxpollinginterval", "00:01:00")
	switch encoding := strings.ToLower(s.text("extensions:queues:messageencoding", "base64")); encoding {
	case "base64", "none":
		q.base64 = encoding == "base64"
	default:
		return errors.Join(errors.Join(errs[:]...), fmt.Errorf("host.json: extensions.queues.messageEncoding is %q, not base64 or none", encoding))
	}
	return errors.Join(errs[:]...)
}

// fits checks what functions need of host.json and of each other.
func (a *app) fits(s settings) error {
	if len(a.functions) == 0 {
		return fmt.Errorf("the app at %s has no functions: there is no folder with a function.json in it", a.folder)
	}
	routes := map[string]*function{}
	for _, fn := range a.functions {
		if fn.usesQueues() && s["extensionbundle:id"] == "" {
			return fmt.Errorf("function %s: bindings of queues come with the extension bundle, which host.json does not name", fn.name)
		}
		if fn.trigger.Type != "httpTrigger" {
			continue
		}
		for _, method := range fn.allowed() {
			key := method + " " + strings.ToLower(strings.Trim(fn.trigger.Route, "/"))
			if other := routes[key]; other != nil {
				return fmt.Errorf("functions %s and %s have the same route and method: %s", other.name, fn.name, key)
			}
			routes[key] = fn
		}
	}
	return nil
}
