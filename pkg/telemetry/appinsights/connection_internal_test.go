package appinsights

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
)

const key = "00000000-1111-4222-8333-444444444444"

func TestAConnectionStringLeadsToTheIngestionOfItsCloud(t *testing.T) {
	for text, want := range map[string]string{
		"InstrumentationKey=" + key: "https://dc.services.visualstudio.com",
		"InstrumentationKey=" + key + ";IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/;LiveEndpoint=https://westeurope.livediagnostics.monitor.azure.com/;ApplicationId=" + key: "https://westeurope-5.in.applicationinsights.azure.com",
		" instrumentationkey = " + key + " ; INGESTIONENDPOINT = https://x.monitor.azure.com ; ":                                                                                                          "https://x.monitor.azure.com",
		"InstrumentationKey=" + key + ";EndpointSuffix=applicationinsights.azure.com":                                                                                                                     "https://dc.applicationinsights.azure.com",
		"InstrumentationKey=" + key + ";EndpointSuffix=applicationinsights.azure.com;Location=westeurope":                                                                                                 "https://westeurope.dc.applicationinsights.azure.com",
		"InstrumentationKey=" + key + ";IngestionEndpoint=http://127.0.0.1:8080/":                                                                                                                         "http://127.0.0.1:8080",
		"InstrumentationKey=" + key + ";IngestionEndpoint=https://localhost:8443":                                                                                                                         "https://localhost:8443",
	} {
		if got, err := parseConnection(text, cloud.Public()); err != nil || got != (connection{key, want}) {
			t.Errorf("%s: %+v, %v, want %s", text, got, err, want)
		}
	}
}

func TestAConnectionStringOfAnotherKindIsAnErrorThatQuotesNothing(t *testing.T) {
	with := "InstrumentationKey=" + key + ";IngestionEndpoint="
	for _, text := range []string{
		"canary", "=canary", "InstrumentationKey=canary", "IngestionEndpoint=https://x.monitor.azure.com", "InstrumentationKey=" + key + ";instrumentationkey=" + key,
		with + "https://canary.example", with + "https://monitor.azure.com", with + "https://canarymonitor.azure.com", with + "https://x.monitor.azure.com.canary.example",
		with + "https://x.monitor.azure.us", with + "http://x.monitor.azure.com", with + "https://canary@x.monitor.azure.com", with + "https://x.monitor.azure.com?canary",
		with + "https://x.monitor.azure.com#canary", with + "https://x.mon\u0131tor.azure.com", with + "https://x.monitor.azure.com.", with + "https://x.monitor.azure.com%2ecanary",
		with + "https://127.0.0.1.canary.example", with + "https://localhost.canary.example", with + "ftp://x.monitor.azure.com", with + "//x.monitor.azure.com",
		"InstrumentationKey=" + key + ";EndpointSuffix=canary.example", "InstrumentationKey=" + key + ";EndpointSuffix=x@monitor.azure.com",
		"@Microsoft.KeyVault(SecretUri=https://canary.vault.azure.net/secrets/x)", with + strings.Repeat("canary", 1000),
	} {
		if got, err := parseConnection(text, cloud.Public()); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%.200s: %+v, %v", text, got, err)
		}
	}
	for _, own := range cloud.All() {
		_, err := parseConnection(with+"https://x.applicationinsights.azure.us", own)
		if taken := err == nil; taken != strings.HasPrefix(own.Name, "usgov") {
			t.Errorf("%s: %v", own.Name, err)
		}
	}
}

func TestAnAuthenticationStringNamesAnIdentityOrNone(t *testing.T) {
	for text, want := range map[string]struct {
		signsIn  bool
		clientID string
	}{
		"": {}, " ; ": {}, "Authorization=AAD": {true, ""}, "ClientId=" + key + ";Authorization=AAD": {true, key}, "authorization=aad; CLIENTID=" + key: {true, key},
	} {
		if signsIn, clientID, err := parseAuthentication(text); err != nil || signsIn != want.signsIn || clientID != want.clientID {
			t.Errorf("%q: %v %q %v", text, signsIn, clientID, err)
		}
	}
	for _, text := range []string{"AAD", "Authorization=canary", "ClientId=" + key, "Authorization=AAD;ClientId=canary", "Authorization=AAD;Authorization=AAD"} {
		if signsIn, _, err := parseAuthentication(text); err == nil || signsIn || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v %v", text, signsIn, err)
		}
	}
}

func FuzzConnectionString(f *testing.F) {
	for _, seed := range []string{"", "InstrumentationKey=" + key, "InstrumentationKey=" + key + ";IngestionEndpoint=https://x.monitor.azure.com/", "a=b;a=c", "InstrumentationKey=" + key + ";EndpointSuffix=x;Location=y", ";=;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _, _ = parseAuthentication(text)
		for _, own := range cloud.All() {
			c, err := parseConnection(text, own)
			if err != nil {
				continue
			}
			u, err := url.Parse(c.endpoint + path)
			if err != nil {
				t.Fatalf("%q leads to %q", text, c.endpoint)
			}
			name := strings.ToLower(u.Hostname())
			known := slices.ContainsFunc(monitorings()[own.Name].domains, func(domain string) bool { return strings.HasSuffix(name, "."+domain) })
			here := name == "localhost" || strings.HasPrefix(name, "127.") || name == "::1" || strings.HasPrefix(name, "::ffff:")
			if u.User != nil || u.RawQuery != "" || !known && !here || u.Scheme != "https" && !here {
				t.Errorf("%s: %q leads to %q", own.Name, text, c.endpoint)
			}
		}
	})
}
