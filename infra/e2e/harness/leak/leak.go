// Package leak finds credentials where none may be: in what the programs of a whole run
// of tests print and answer. The harness records outputs and names secrets as both come
// into being; once all suites have ended, [Search] looks for each secret in each output.
// Outside such a run, where [Variable] is not set, recording and naming do nothing.
package leak

import (
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Variable names the folder of the run. `make e2e` sets it, by way of infra/e2e/leaks.
const Variable = "E2E_RECORD"

// Below that folder is a file for each output, and one for each secret.
const (
	outputs = "outputs"
	secrets = "secrets"
)

// shortest is how long a secret is at least. A shorter text occurs by chance.
const shortest = 8

// Secret is one text that no output may have.
type Secret struct {
	// Kind says what it is, such as "client secret".
	Kind string `json:"kind"`
	// Text is the secret itself.
	Text string `json:"text"`
}

// Active reports whether this is a run whose outputs are searched.
func Active() bool { return os.Getenv(Variable) != "" }

// Output is where to write a copy of what something called name prints or answers. The
// caller closes it.
func Output(name string) io.WriteCloser {
	if !Active() {
		return discard{io.Discard}
	}
	clean := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" /\\:*?\"<>|", r) {
			return '_'
		}
		return r
	}, name)
	f, err := os.CreateTemp(below(outputs), filepath.Base(os.Args[0])+"-*-"+clean)
	if err != nil {
		panic(unrecorded(err))
	}
	return f
}

type discard struct{ io.Writer }

func (discard) Close() error { return nil }

// Say records one text, such as the body of an error.
func Say(name, text string) {
	if text == "" || !Active() {
		return
	}
	w := Output(name)
	_, _ = io.WriteString(w, text+"\n")
	_ = w.Close()
}

// below makes a folder below that of the run.
func below(folder string) string {
	dir := filepath.Join(os.Getenv(Variable), folder)
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // the folder of the run is the caller's choice
		panic(unrecorded(err))
	}
	return dir
}

// unrecorded ends a run that cannot be recorded: it would show nothing.
func unrecorded(err error) error { return fmt.Errorf("record a run of tests: %w", err) }

// Name says that a text is a secret. In JSON the members that keep secrets count, and in
// PEM the private keys. A text that says where a secret is kept is none.
func Name(kind, text string) {
	if !Active() {
		return
	}
	for _, s := range split(kind, text) {
		line, _ := json.Marshal(s) // of two texts
		file := filepath.Join(below(secrets), fmt.Sprintf("%x", sha256.Sum256(line)))
		if f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			_, _ = f.Write(append(line, '\n'))
			_ = f.Close()
		} else if !errors.Is(err, fs.ErrExist) {
			panic(unrecorded(err))
		}
	}
}

// split takes a text apart into the secrets in it.
func split(kind, text string) (all []Secret) {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &object) == nil && len(object) > 0 {
		return members(object)
	}
	if rest := []byte(text); strings.Contains(text, "-----BEGIN ") {
		for {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				return all
			}
			if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
				continue
			}
			_, body, _ := strings.Cut(string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})), "\n")
			for line := range strings.Lines(body) {
				// Keys of one kind begin alike, and the last line is short.
				if line = strings.TrimSpace(line); len(line) == 64 && line != strings.TrimSpace(body[:65]) {
					all = append(all, Secret{"private key", line})
				}
			}
		}
	}
	text = strings.TrimSpace(text)
	if len(text) < shortest || refers(text) {
		return nil
	}
	return []Secret{{kind, text}}
}

// members are the secrets of a JSON object, by the names of its members.
func members(object map[string]json.RawMessage) (all []Secret) {
	for name, value := range object {
		var text string
		switch {
		case json.Unmarshal(value, &text) != nil:
			var inner map[string]json.RawMessage
			var list []map[string]json.RawMessage
			if json.Unmarshal(value, &inner) == nil {
				all = append(all, members(inner)...)
			} else if json.Unmarshal(value, &list) == nil {
				for _, item := range list {
					all = append(all, members(item)...)
				}
			}
		case keepsSecret(name) && strings.HasPrefix(text, "whsec_"):
			all = append(all, split(name, strings.TrimPrefix(text, "whsec_"))...)
		case keepsSecret(name) || strings.HasPrefix(strings.TrimSpace(text), "{"):
			all = append(all, split(name, text)...)
		}
	}
	return all
}

// keepsSecret reports whether a member, a form field or a variable of that name holds a
// secret rather than a fact about one.
func keepsSecret(name string) bool {
	name = strings.ToLower(strings.NewReplacer("_", "", "-", "", "$", "").Replace(name))
	for _, end := range []string{"id", "url", "uri", "arn", "name", "type", "file", "path", "algorithm"} {
		if strings.HasSuffix(name, end) {
			return false
		}
	}
	for _, word := range []string{"secret", "password", "token", "assertion", "clientstate", "authorization", "certificate", "identityheader"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return strings.HasSuffix(name, "key") || strings.HasSuffix(name, "keynext")
}

// refers reports whether a text says where a secret is kept.
func refers(text string) bool {
	for _, scheme := range []string{"secretsmanager:", "keyvault:", "managed-identity:", "env:", "file:", "http://", "https://", "arn:", "/", "@Microsoft.KeyVault"} {
		if strings.HasPrefix(text, scheme) {
			return true
		}
	}
	return false
}

// Environ names the secrets in the environment that a program gets, also those in files
// that it refers to.
func Environ(env []string) {
	if !Active() {
		return
	}
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		if path, ok := strings.CutPrefix(value, "file:"); ok {
			nameFile(name, strings.TrimPrefix(path, "//"))
		} else if strings.HasSuffix(name, "_CERTIFICATE_PATH") || strings.HasSuffix(name, "TOKEN_FILE") {
			nameFile(name, value)
		} else if keepsSecret(name) || strings.HasPrefix(value, "{") {
			Name(name, value)
		}
	}
}

// nameFile names the secrets of a file, if there is one: a small one is the secret itself.
func nameFile(name, path string) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > 64<<10 {
		return
	}
	if text, err := os.ReadFile(path); err == nil && len(text) > 0 && text[0] != '[' {
		Name(name, string(text))
	}
}
