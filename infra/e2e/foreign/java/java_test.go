// Package java_test reads with Microsoft's Java client.
package java_test

import (
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/client"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

func TestMicrosoftsJavaClientReadsEveryoneOnce(t *testing.T) {
	for _, tool := range []string{"java", "keytool"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is not installed: %v", tool, err)
		}
	}
	program := harness.Installed(t, "foreign", "java", "target", "users.jar")
	libraries := filepath.Join(filepath.Dir(program), "lib", "*")
	for name, start := range map[string]func(*testing.T) *client.Target{
		"from the simulated tenant under Microsoft's own hosts": client.MicrosoftsHosts,
		"from the built function":                               client.API,
	} {
		t.Run(name, func(t *testing.T) {
			target := start(t)
			arguments := append(trust(t, target), proxy(t, target)...)
			arguments = append(arguments, "-cp", program+":"+libraries, "Users")
			target.Read(t, append([]string{"java"}, arguments...))
		})
	}
}

// trust are Java's options for the one certificate to trust.
func trust(t *testing.T, target *client.Target) []string {
	t.Helper()
	const password = "changeit"
	store := filepath.Join(t.TempDir(), "trust.p12")
	out, err := process.NewCommand(t.Context(), "keytool", "-importcert", "-noprompt", "-alias", "test", "-file", target.Authority,
		"-keystore", store, "-storetype", "PKCS12", "-storepass", password).CombinedOutput()
	if err != nil {
		t.Fatalf("keytool: %v\n%s", err, out)
	}
	return []string{"-Djavax.net.ssl.trustStore=" + store, "-Djavax.net.ssl.trustStorePassword=" + password}
}

// proxy are Java's options for the target's proxy: the token library reads them only
// when it is told to use the system's.
func proxy(t *testing.T, target *client.Target) []string {
	t.Helper()
	if target.Proxy == "" {
		return nil
	}
	u, err := url.Parse(target.Proxy)
	if err != nil {
		t.Fatal(err)
	}
	var options []string
	for _, scheme := range strings.Fields("http https") {
		options = append(options, "-D"+scheme+".proxyHost="+u.Hostname(), "-D"+scheme+".proxyPort="+u.Port())
	}
	return append(options, "-Djava.net.useSystemProxies=true")
}
