package functionshost

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// binding is one of a function.json.
type binding struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	Direction string `json:"direction"`
	DataType  string `json:"dataType"`

	// of httpTrigger
	AuthLevel string   `json:"authLevel"`
	Route     string   `json:"route"`
	Methods   []string `json:"methods"`

	// of timerTrigger
	Schedule     string `json:"schedule"`
	UseMonitor   *bool  `json:"useMonitor"`
	RunOnStartup bool   `json:"runOnStartup"`

	// of queueTrigger and queue
	QueueName  string `json:"queueName"`
	Connection string `json:"connection"`
}

// returned is the name of the binding that takes ReturnValue.
const returned = "$return"

// function is one folder of an app.
type function struct {
	name     string
	trigger  *binding
	outputs  []*binding
	template template // of an HTTP trigger
	schedule *schedule
	retry    *retryPolicy // nil for none
	disabled bool
}

// readFunctions reads every */function.json in the order of the folders' names.
func readFunctions(folder string, env map[string]string) ([]*function, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "function.json"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var functions []*function
	names := map[string]string{}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		fn, err := readFunction(name, file, env)
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", name, err)
		}
		if other, ok := names[strings.ToLower(name)]; ok {
			return nil, fmt.Errorf("functions %s and %s have the same name: Azure does not tell letters apart by case", other, name)
		}
		names[strings.ToLower(name)] = name
		functions = append(functions, fn)
	}
	return functions, nil
}

func readFunction(name, file string, env map[string]string) (*function, error) {
	if !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,127}$`).MatchString(name) || strings.EqualFold(name, "host") {
		return nil, errors.New("a function's name is a letter and up to 127 letters, digits, hyphens and underscores, and not host")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var content struct {
		Bindings []*binding   `json:"bindings"`
		Disabled bool         `json:"disabled"`
		Retry    *retryPolicy `json:"retry"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&content); err != nil {
		return nil, fmt.Errorf("function.json: %w", err)
	}
	fn := &function{name: name, disabled: content.Disabled || disabled(name, env), retry: content.Retry}
	seen := map[string]bool{}
	for _, b := range content.Bindings {
		if err := fn.add(b, env); err != nil {
			return nil, fmt.Errorf("binding %q: %w", b.Name, err)
		}
		if seen[strings.ToLower(b.Name)] {
			return nil, fmt.Errorf("binding %q: there are two of that name", b.Name)
		}
		seen[strings.ToLower(b.Name)] = true
	}
	if fn.trigger == nil {
		return nil, errors.New("it has no trigger")
	}
	if fn.retry != nil {
		return fn, fn.retry.check(fn.trigger.Type)
	}
	return fn, nil
}

// disabled reports whether an app setting turns a function off.
func disabled(name string, env map[string]string) bool {
	for _, setting := range []string{"AzureWebJobs." + name + ".Disabled", "AzureWebJobs_" + name + "_Disabled"} {
		if value := strings.ToLower(env[setting]); value == "true" || value == "1" {
			return true
		}
	}
	return false
}

// add checks a binding and takes it as the function's trigger or as one of its outputs.
func (fn *function) add(b *binding, env map[string]string) (err error) {
	if !regexp.MustCompile(`^([A-Za-z][A-Za-z0-9]{0,127}|\$return)$`).MatchString(b.Name) {
		return errors.New("a binding's name is a letter and up to 127 letters and digits, or $return")
	}
	for _, value := range []*string{&b.Route, &b.Schedule, &b.QueueName} {
		if *value, err = expand(*value, env); err != nil {
			return err
		}
	}
	if b.DataType = strings.ToLower(b.DataType); !slices.Contains([]string{"", "string", "binary", "stream"}, b.DataType) {
		return fmt.Errorf("dataType %q is none", b.DataType)
	}
	kinds := map[string]struct {
		direction string
		check     func(*binding) error
	}{
		"httpTrigger":  {"in", fn.checkHTTP},
		"timerTrigger": {"in", fn.checkTimer},
		"queueTrigger": {"in", checkQueue},
		"http":         {"out", func(*binding) error { return nil }},
		"queue":        {"out", checkQueue},
	}
	kind, ok := kinds[b.Type]
	switch {
	case !ok:
		return fmt.Errorf("type %q is none that this host knows", b.Type)
	case b.Direction != kind.direction:
		return fmt.Errorf("direction of a %s is %q, not %q", b.Type, kind.direction, b.Direction)
	case kind.direction == "in" && fn.trigger != nil:
		return errors.New("it is a second trigger")
	case kind.direction == "in" && b.Name == returned:
		return errors.New("a trigger cannot be called $return")
	}
	if err := kind.check(b); err != nil {
		return err
	}
	if kind.direction == "in" {
		fn.trigger = b
		return nil
	}
	fn.outputs = append(fn.outputs, b)
	return nil
}

func (fn *function) checkHTTP(b *binding) (err error) {
	if b.AuthLevel = strings.ToLower(b.AuthLevel); b.AuthLevel == "" {
		b.AuthLevel = "function"
	}
	if !slices.Contains([]string{"anonymous", "function", "admin"}, b.AuthLevel) {
		return fmt.Errorf("authLevel %q is none", b.AuthLevel)
	}
	if b.Route == "" {
		b.Route = fn.name
	}
	for i, method := range b.Methods {
		b.Methods[i] = strings.ToUpper(method)
	}
	first, _, _ := strings.Cut(strings.ToLower(strings.Trim(b.Route, "/")), "/")
	if strings.HasPrefix(first, "admin") || strings.HasPrefix(first, "runtime") {
		return fmt.Errorf("route %q is the host's own", b.Route)
	}
	fn.template, err = parseTemplate(b.Route)
	return err
}

func (fn *function) checkTimer(b *binding) (err error) {
	if b.RunOnStartup {
		return errors.New("runOnStartup runs the function at each start and scale-out, and is not simulated here")
	}
	fn.schedule, err = parseSchedule(b.Schedule)
	return err
}

func checkQueue(b *binding) error {
	if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(b.QueueName) || len(b.QueueName) < 3 || len(b.QueueName) > 63 {
		return fmt.Errorf("queueName %q is not 3 to 63 lower-case letters, digits and single hyphens", b.QueueName)
	}
	if b.Connection == "" {
		b.Connection = "AzureWebJobsStorage"
	}
	return nil
}

// allowed returns the methods of an HTTP trigger.
func (fn *function) allowed() []string {
	if len(fn.trigger.Methods) > 0 {
		return fn.trigger.Methods
	}
	return []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace,
	}
}

// plainHTTP reports whether HTTP is the only input and the only output, so that requests
// may be forwarded.
func (fn *function) plainHTTP() bool {
	return fn.trigger.Type == "httpTrigger" && len(fn.outputs) == 1 && fn.outputs[0].Type == "http"
}

// output finds an output by name.
func (fn *function) output(name string) *binding {
	for _, b := range fn.outputs {
		if b.Name == name {
			return b
		}
	}
	return nil
}

func (fn *function) usesQueues() bool {
	return fn.trigger.Type == "queueTrigger" || slices.ContainsFunc(fn.outputs, func(b *binding) bool { return b.Type == "queue" })
}
