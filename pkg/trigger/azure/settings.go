package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Settings are the variables that the host gives a custom handler, and those of App Service.
// The ones whose names begin with AzureFunctionsJobHost__ replace members of host.json.
type Settings struct {
	// Port is where the handler listens, on loopback.
	Port Port `env:"FUNCTIONS_CUSTOMHANDLER_PORT"`
	// Root is the folder with host.json and the folders of the functions, "" for the
	// working directory.
	Root string `env:"FUNCTIONS_APP_ROOT_PATH"`
	// SignIn says that App Service authentication is enabled. The platform then removes
	// what callers send under the names of its headers.
	SignIn bool `env:"WEBSITE_AUTH_ENABLED"`
	// Hostname is the app's own name, such as contoso.azurewebsites.net.
	Hostname string `env:"WEBSITE_HOSTNAME"`

	Timeout         *Timeout `env:"AzureFunctionsJobHost__functionTimeout"`
	RoutePrefix     *string  `env:"AzureFunctionsJobHost__extensions__http__routePrefix"`
	MaxDequeueCount *int     `env:"AzureFunctionsJobHost__extensions__queues__maxDequeueCount"`
}

// Port is a port of this machine.
type Port uint16

// UnmarshalText reads the number.
func (p *Port) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil || n == 0 {
		return errors.New("is not a port, 1 to 65535; the host of Azure Functions sets it")
	}
	*p = Port(n)
	return nil
}

// Timeout is how long an invocation may take, 0 for as long as it likes.
type Timeout time.Duration

// UnmarshalText reads a TimeSpan of .NET as functionTimeout has it: [d.]hh:mm:ss, or -1 for
// no limit.
func (t *Timeout) UnmarshalText(text []byte) error {
	const form = "is not of the form hh:mm:ss, or -1 for no limit"
	if string(text) == "-1" {
		*t = 0
		return nil
	}
	days, rest, found := strings.Cut(string(text), ".")
	if !found {
		days, rest = "0", string(text)
	}
	parts := strings.Split(rest, ":")
	if len(parts) != 3 {
		return errors.New(form)
	}
	var total time.Duration
	for i, part := range append([]string{days}, parts...) {
		n, err := strconv.ParseUint(part, 10, 16)
		if most := []uint64{365, 23, 59, 59}[i]; err != nil || n > most {
			return errors.New(form)
		}
		total += time.Duration(n) * []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second}[i]
	}
	if total == 0 {
		return errors.New(form)
	}
	*t = Timeout(total)
	return nil
}

// host is what the host does, as far as the handler has to know.
type host struct {
	// Timeout is how long an invocation may take, 0 for as long as it likes.
	Timeout time.Duration
	// RoutePrefix is the first part of every path of an HTTP function.
	RoutePrefix string
	// MaxDequeueCount is how often a message is delivered before it goes to the poison queue.
	MaxDequeueCount int
	// Keyed are the functions with an HTTP trigger whose callers the host asks for a key.
	Keyed map[string]bool

	settings Settings
}

const (
	// defaultTimeout is that of Flex Consumption and Premium plans.
	defaultTimeout = 30 * time.Minute
	// maxFile is the size of a host.json or function.json that is read.
	maxFile = 1 << 20
)

// open reads host.json, and function.json of these functions.
func (s Settings) open(functions []string) (*host, error) {
	h := &host{Timeout: defaultTimeout, RoutePrefix: "api", MaxDequeueCount: 5, Keyed: map[string]bool{}, settings: s}
	if err := h.readHost(filepath.Join(s.Root, "host.json")); err != nil {
		return nil, err
	}
	if s.Timeout != nil {
		h.Timeout = time.Duration(*s.Timeout)
	}
	if s.RoutePrefix != nil {
		h.RoutePrefix = *s.RoutePrefix
	}
	if s.MaxDequeueCount != nil {
		h.MaxDequeueCount = *s.MaxDequeueCount
	}
	if h.RoutePrefix = strings.Trim(h.RoutePrefix, "/"); h.RoutePrefix == "" || slices.Contains(functions, h.RoutePrefix) {
		// Otherwise a caller could send what looks like an invocation.
		return nil, errors.New("the routePrefix of host.json is empty, or the name of a function; leave it out, or name another one")
	}
	for _, name := range functions {
		keyed, err := readFunction(filepath.Join(s.Root, name, "function.json"))
		if err != nil {
			return nil, err
		}
		h.Keyed[name] = keyed
	}
	return h, nil
}

// readHost reads what host.json says.
func (h *host) readHost(path string) error {
	var file struct {
		FunctionTimeout json.RawMessage `json:"functionTimeout"`
		Extensions      struct {
			HTTP struct {
				RoutePrefix *string `json:"routePrefix"`
			} `json:"http"`
			Queues struct {
				MaxDequeueCount *int `json:"maxDequeueCount"`
			} `json:"queues"`
		} `json:"extensions"`
	}
	if err := readJSON(path, &file); err != nil {
		return err
	}
	if text := strings.Trim(string(file.FunctionTimeout), `"`); text != "" && text != "null" {
		var t Timeout
		if err := t.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("functionTimeout of %s %w", path, err)
		}
		h.Timeout = time.Duration(t)
	}
	if prefix := file.Extensions.HTTP.RoutePrefix; prefix != nil {
		h.RoutePrefix = *prefix
	}
	if n := file.Extensions.Queues.MaxDequeueCount; n != nil {
		h.MaxDequeueCount = *n
	}
	return nil
}

// readFunction reports whether a function has an HTTP trigger that asks for a key.
func readFunction(path string) (keyed bool, err error) {
	var file struct {
		Bindings []struct {
			Type      string `json:"type"`
			AuthLevel string `json:"authLevel"`
		} `json:"bindings"`
	}
	if err := readJSON(path, &file); err != nil {
		return false, err
	}
	for _, b := range file.Bindings {
		if strings.EqualFold(b.Type, "httpTrigger") {
			// Left out it is "function", and any other word is a mistake that the host finds.
			return strings.EqualFold(b.AuthLevel, "function") || strings.EqualFold(b.AuthLevel, "admin"), nil
		}
	}
	return false, nil
}

// readJSON reads a file of the app.
func readJSON(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w; the program runs in the folder of the function app, with host.json and the functions' folders", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// withDeadline gives an invocation until shortly before the host, which kills the handler
// when the time is over, and with it all other invocations.
func (h *host) withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if h.Timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, h.Timeout-h.reserve())
}

// reserve is kept of the time: the host's clock starts before the handler is called, and
// stops only after it has read the answer.
func (h *host) reserve() time.Duration { return min(h.Timeout/10, 5*time.Second) }
