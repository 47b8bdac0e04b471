package config

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	maxPageSize     = 999
	defaultPageSize = maxPageSize
	maxParallel     = 32
)

// pageSize is $top. Graph returns at most 999 users per page.
type pageSize int

// UnmarshalText parses a whole number from 1 to 999.
func (p *pageSize) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > maxPageSize {
		return &complaint{"is not a page size", "write a whole number from 1 to 999"}
	}
	*p = pageSize(n)
	return nil
}

// Parallel is how many partitions of a list are read in parallel. With more than 32 a
// list waits for Graph's quota instead of its latency. [Auto] leaves the number to the
// list.
type Parallel int

// Auto is the zero Parallel: as many partitions as the size of the tenant, Graph's quota
// and the memory make worth while.
const Auto Parallel = 0

// UnmarshalText parses a whole number from 1 to 32, or auto in any case.
func (p *Parallel) UnmarshalText(text []byte) error {
	if strings.EqualFold(string(text), "auto") {
		*p = Auto
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > maxParallel {
		return &complaint{"is not a number of partitions", "write a whole number from 1 to 32, or auto"}
	}
	*p = Parallel(n)
	return nil
}

// String returns what UnmarshalText parses.
func (p Parallel) String() string {
	if p == Auto {
		return "auto"
	}
	return strconv.Itoa(int(p))
}

// federation is a platform that vouches for the program.
type federation string

// UnmarshalText parses aws, in any case.
func (f *federation) UnmarshalText(text []byte) error {
	if !strings.EqualFold(string(text), "aws") {
		return &complaint{"is not a platform that this version knows", "write aws, or remove it and set AZURE_FEDERATED_TOKEN_FILE for the tokens of another platform"}
	}
	*f = "aws"
	return nil
}

// flag is a boolean.
type flag bool

// UnmarshalText parses true, false and their usual short forms.
func (f *flag) UnmarshalText(text []byte) error {
	v, err := strconv.ParseBool(strings.ToLower(string(text)))
	if err != nil {
		return &complaint{"is neither true nor false", "write true or false"}
	}
	*f = flag(v)
	return nil
}

// stream is true if REST API and Function URL events are answered with a stream.
type stream bool

// UnmarshalText parses buffered or stream, in any case.
func (s *stream) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "buffered":
		*s = false
	case "stream":
		*s = true
	default:
		return &complaint{"is not a kind of response", "write buffered, or stream where the trigger is set up for it"}
	}
	return nil
}

// roles are names of app roles. It is a struct because package env splits lists itself.
type roles struct{ names []string }

// UnmarshalText parses names that are separated by commas.
func (r *roles) UnmarshalText(text []byte) error {
	for name := range strings.SplitSeq(string(text), ",") {
		name = strings.TrimSpace(name)
		if name == "" || len(name) > 250 || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || c == '[' || c == ']' }) {
			return &complaint{"is not a list of app roles", "write their values as they are in a token, separated by commas, such as Users.Read.All"}
		}
		r.names = append(r.names, name)
	}
	return nil
}

// loadBalancer is the ARN of an Application Load Balancer.
type loadBalancer string

var isLoadBalancer = regexp.MustCompile(`^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/app/[A-Za-z0-9-]+/[0-9a-f]+$`)

// UnmarshalText parses the ARN.
func (l *loadBalancer) UnmarshalText(text []byte) error {
	if !isLoadBalancer.Match(text) {
		return &complaint{"is not the ARN of an Application Load Balancer", "write arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>"}
	}
	*l = loadBalancer(text)
	return nil
}

// keySource is where a key is stored. The key itself is not accepted: anybody who
// may see a function's configuration can read its environment.
type keySource secret.Source

// UnmarshalText parses the source of a text.
func (k *keySource) UnmarshalText(text []byte) error {
	source, err := secret.ParseTextSource(string(text))
	*k = keySource(source)
	return err
}

// domain is what the names of hosts end with.
type domain string

// UnmarshalText parses a name of two labels or more.
func (d *domain) UnmarshalText(text []byte) error {
	name, err := origin.ParseName(string(text))
	if err == nil && !strings.Contains(name, ".") {
		err = origin.ErrLabel
	}
	if err != nil {
		return &complaint{err.Error(), "write the domain alone, such as vault.azure.net"}
	}
	*d = domain(name)
	return nil
}

// cloudName is a cloud that is given by its name.
type cloudName cloud.Cloud

// UnmarshalText finds the cloud by its name, in any case.
func (c *cloudName) UnmarshalText(text []byte) error {
	named, ok := cloud.Named(string(text))
	if !ok {
		return &complaint{"is not a known cloud", "write " + cloud.Names()}
	}
	*c = cloudName(named)
	return nil
}

// host is a URL of the form https://host[:port]. Complaints never quote it, since it
// may contain a password.
type host origin.Origin

// UnmarshalText parses the URL.
func (h *host) UnmarshalText(text []byte) error {
	o, err := origin.Parse(string(text))
	if err != nil {
		return &complaint{err.Error(), "write https://host[:port]"}
	}
	*h = host(o)
	return nil
}

// isSet reports whether the variable was set.
func (h host) isSet() bool { return h != host{} }

// url returns https://host[:port], in lower case and without the standard port.
func (h host) url() string { return origin.Origin(h).String() }
