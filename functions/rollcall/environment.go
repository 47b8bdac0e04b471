package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// environmentFiles are the two files by which another terminal finds a simulated
// tenant: its certificate authority, and the variables.
type environmentFiles struct {
	folder    *os.Root
	authority string // names in the folder
	variables string
	settings  []string // NAME=value
}

// writeEnvironment writes both files into dir, "" for the user's cache folder. A
// simulated tenant on another port has files of its own.
func writeEnvironment(dir string, server *simulator.Server, c simulator.Config) (*environmentFiles, error) {
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, &usageError{fmt.Sprintf("no folder for the environment file: %v; name one with --dir", err)}
		}
		dir = filepath.Join(cache, programName)
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("folder for the environment file: %w; name another with --dir", err)
	}
	folder, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("folder for the environment file: %w; name another with --dir", err)
	}
	address, err := url.Parse(server.URL)
	if err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	f := &environmentFiles{
		folder:    folder,
		authority: "simulate-" + address.Port() + ".pem",
		variables: "simulate-" + address.Port() + ".env",
	}
	f.settings = []string{
		"ROLLCALL_LOGIN_URL=" + server.URL,
		"ROLLCALL_GRAPH_URL=" + server.URL,
		"SSL_CERT_FILE=" + filepath.Join(dir, f.authority),
		"AZURE_TENANT_ID=" + c.Tenant,
		"AZURE_CLIENT_ID=" + c.ClientID,
		"AZURE_CLIENT_SECRET=" + c.ClientSecret,
	}
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

// exports are the variables as a POSIX shell reads them, a line each.
func (f *environmentFiles) exports(indent string) string {
	var b strings.Builder
	for _, setting := range f.settings {
		name, value, _ := strings.Cut(setting, "=")
		b.WriteString(indent + "export " + name + "=" + shellQuoted(value) + "\n")
	}
	return b.String()
}

// directions tell how to reach the tenant from another terminal.
func (f *environmentFiles) directions(server *simulator.Server, t *simulator.Tenant) string {
	return fmt.Sprintf(`Simulated tenant %s: %d users at %s. Ctrl-C ends it.

In another terminal:

  . %s
  rollcall list --format ndjson | wc -l    # or: go run ./functions/rollcall list ...

The first line sets these variables:

%s
`, t.Config().Domain, t.Users(), server.URL, shellQuoted(filepath.Join(f.folder.Name(), f.variables)), f.exports("  "))
}

// remove takes the files away: what they lead to is gone.
func (f *environmentFiles) remove() {
	_ = f.folder.Remove(f.authority)
	_ = f.folder.Remove(f.variables)
	_ = f.folder.Close()
}

// shellQuoted quotes a value for a POSIX shell where it needs that.
func shellQuoted(value string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@,+=", r)
	}
	if value != "" && strings.IndexFunc(value, func(r rune) bool { return !plain(r) }) < 0 {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
