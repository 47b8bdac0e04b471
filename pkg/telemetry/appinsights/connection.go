package appinsights

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/origin"
)

// maxConnection is the documented length of a connection string.
const maxConnection = 4096

// connection is where metrics are sent to.
type connection struct {
	// key is the instrumentation key, which names the component and is no secret.
	key string
	// endpoint is the URL of the ingestion, without a slash at its end.
	endpoint string
}

// monitoring is Azure Monitor in a cloud: whom a token is for, and what its hosts end with.
type monitoring struct {
	scope   string
	domains []string
}

// monitorings are those of the clouds where they are known, by name.
func monitorings() map[string]monitoring {
	gov := monitoring{"https://monitor.azure.us/.default", []string{"applicationinsights.azure.us", "applicationinsights.us", "monitor.azure.us"}}
	return map[string]monitoring{
		"public":    {"https://monitor.azure.com/.default", []string{"applicationinsights.azure.com", "services.visualstudio.com", "monitor.azure.com"}},
		"usgov":     gov,
		"usgov-dod": gov,
		"china":     {"https://monitor.azure.cn/.default", []string{"applicationinsights.azure.cn", "monitor.azure.cn"}},
	}
}

// parseConnection reads APPLICATIONINSIGHTS_CONNECTION_STRING. The error quotes nothing of it.
func parseConnection(text string, own cloud.Cloud) (connection, error) {
	fields, err := parseFields(text)
	if err != nil {
		return connection{}, err
	}
	c := connection{key: fields["instrumentationkey"], endpoint: fields["ingestionendpoint"]}
	if !guid.Valid(c.key) {
		return connection{}, errors.New("has no InstrumentationKey that is a GUID")
	}
	if c.endpoint == "" {
		c.endpoint = "https://dc.services.visualstudio.com"
		if suffix := fields["endpointsuffix"]; suffix != "" {
			c.endpoint = "https://dc." + suffix
			if location := fields["location"]; location != "" {
				c.endpoint = "https://" + location + ".dc." + suffix
			}
		}
	}
	c.endpoint = strings.TrimRight(c.endpoint, "/")
	if err := check(c.endpoint, own); err != nil {
		return connection{}, fmt.Errorf("names an endpoint that %w", err)
	}
	return c, nil
}

// check returns an error unless a URL leads to the ingestion of a cloud, or to this machine.
func check(text string, own cloud.Cloud) error {
	if err := origin.CheckEndpoint(text); err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#") {
		return origin.ErrQuery
	}
	if u.Scheme == "http" { // which CheckEndpoint takes for this machine only
		return nil
	}
	o, err := origin.Of(u)
	if err != nil || o.Loopback() {
		return err
	}
	for _, domain := range monitorings()[own.Name].domains {
		if strings.HasSuffix(o.Name(), "."+domain) {
			return nil
		}
	}
	return errors.New("is none of Azure Monitor in the cloud " + own.Name + ": correct it, or ROLLCALL_CLOUD")
}

// parseFields reads name=value;name=value. The names are returned in lower case.
func parseFields(text string) (map[string]string, error) {
	if len(text) > maxConnection {
		return nil, fmt.Errorf("is longer than %d characters", maxConnection)
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		name = lower(strings.TrimSpace(name))
		if _, twice := fields[name]; !ok || name == "" || twice {
			return nil, errors.New("is not of the form Name=value;Name=value with each name once")
		}
		fields[name] = strings.TrimSpace(value)
	}
	return fields, nil
}

// lower folds ASCII letters only.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// parseAuthentication reads APPLICATIONINSIGHTS_AUTHENTICATION_STRING: whether a token is
// asked for, and the client id of the user-assigned identity that it is of, "" for the
// system-assigned one.
func parseAuthentication(text string) (signsIn bool, clientID string, err error) {
	fields, err := parseFields(text)
	if err != nil || len(fields) == 0 {
		return false, "", err
	}
	switch {
	case lower(fields["authorization"]) != "aad":
		return false, "", errors.New("does not say Authorization=AAD, the only kind that there is")
	case fields["clientid"] != "" && !guid.Valid(fields["clientid"]):
		return false, "", errors.New("has a ClientId that is no GUID")
	}
	return true, fields["clientid"], nil
}
