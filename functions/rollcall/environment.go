package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// environmentFiles are the two files that connect another terminal to a simulated
// tenant: its certificate authority, and the variables.
type environmentFiles struct {
	folder    *os.Root
	authority string // names in the folder
	variables string
	settings  []string // NAME=value
}

// writeEnvironment writes both files into dir, "" for the user's cache folder.
// Their names contain the port, so that simulated tenants do not share them.
func writeEnvironment(dir string, server *simulator.Server, signIn []string) (*environmentFiles, error) {
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, &usageError{fmt.Sprintf("no folder for the environment file: %v; name one with --dir", err)}
		}
		dir = filepath.Join(cache, programName)
	}
	address, err := url.Parse(server.URL)
	if err != nil {
		return nil, err
	}
	folder, err := openFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("folder for the environment file: %w; name another with --dir", err)
	}
	f := &environmentFiles{
		folder:    folder,
		authority: "simulate-" + address.Port() + ".pem",
		variables: "simulate-" + address.Port() + ".env",
	}
	f.settings = []string{
		"ROLLCALL_LOGIN_URL=" + server.URL,
		"ROLLCALL_GRAPH_URL=" + server.URL,
		"SSL_CERT_FILE=" + filepath.Join(folder.Name(), f.authority),
	}
	f.settings = append(f.settings, signIn...)
	err = errors.Join(
		folder.WriteFile(f.authority, server.CAPEM, 0o600),
		folder.WriteFile(f.variables, []byte(f.exports("")), 0o600),
	)
	if err != nil {
		f.remove()
		return nil, fmt.Errorf("write the environment file: %w; name another folder with --dir", err)
	}
	return f, nil
}

// secretOf is the environment of who signs in by the app's client secret.
func secretOf(c simulator.Config) []string {
	return []string{"AZURE_TENANT_ID=" + c.Tenant, "AZURE_CLIENT_ID=" + c.ClientID, "AZURE_CLIENT_SECRET=" + c.ClientSecret}
}

// identityAt is the environment of who signs in by a managed identity, also to other services
// of Azure.
func identityAt(endpoint string) []string {
	return []string{
		"IDENTITY_ENDPOINT=" + endpoint, "IDENTITY_HEADER=" + simulator.IdentityHeader,
		"ROLLCALL_CREDENTIALS=managed-identity:", "AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential",
	}
}

// openFolder opens a folder under its absolute name, and makes it if it is missing.
func openFolder(dir string) (*os.Root, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

// exports returns the variables for a POSIX shell, one per line.
func (f *environmentFiles) exports(indent string) string {
	var b strings.Builder
	for _, setting := range f.settings {
		name, value, _ := strings.Cut(setting, "=")
		b.WriteString(indent + "export " + name + "=" + shellQuoted(value) + "\n")
	}
	return b.String()
}

// directions say how to reach the tenant from another terminal.
func (f *environmentFiles) directions(server *simulator.Server, t *simulator.Tenant) string {
	return fmt.Sprintf(`Simulated tenant %s: %d users at %s. Ctrl-C ends it.

In another terminal:

  . %s
  rollcall list --format ndjson | wc -l    # or: go run ./functions/rollcall list ...
%s
The first line sets these variables:

%s%s
`, t.Config().Domain, t.Users(), server.URL, shellQuoted(filepath.Join(f.folder.Name(), f.variables)), watching(t.Config().Churn), f.exports("  "), f.names(server, t.Config().Hosts))
}

// watching says how to see the changes of a tenant that has some.
func watching(churn int) string {
	if churn == 0 {
		return ""
	}
	return "  rollcall changes --watch                 # who comes, goes and is renamed\n"
}

// names say how to reach the tenant under the names that it was given.
func (f *environmentFiles) names(server *simulator.Server, hosts []string) string {
	if len(hosts) == 0 {
		return ""
	}
	address := strings.TrimPrefix(server.URL, "https://")
	ip, _, _ := net.SplitHostPort(address) // StartOn listens there
	return fmt.Sprintf(`
Its certificate is good for other names, which a tool can be led to it by:

  curl --cacert %s --connect-to ::%s https://%s/...
  %s %s    # in the hosts file; add the port to URLs, or serve on --addr %s
`, shellQuoted(filepath.Join(f.folder.Name(), f.authority)), address, hosts[0], ip, strings.Join(hosts, " "), net.JoinHostPort(ip, "443"))
}

// remove deletes the files.
func (f *environmentFiles) remove() {
	_ = f.folder.Remove(f.authority)
	_ = f.folder.Remove(f.variables)
	_ = f.folder.Close()
}

// shellQuoted quotes a value for a POSIX shell if it needs quotes.
func shellQuoted(value string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@,+=", r)
	}
	if value != "" && strings.IndexFunc(value, func(r rune) bool { return !plain(r) }) < 0 {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
