package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/credential"
)

// keepsNoSecret reports whether nothing is kept by which an identity is proven.
func keepsNoSecret(by credential.Method) bool {
	return by == credential.ManagedIdentity || by == credential.AWS || by == credential.TokenFile
}

// renewal says what to do about a credential that has expired.
func renewal(identity credential.Identity) string {
	if identity.Certificate != nil {
		return "register a new certificate on the app and store it"
	}
	return "add a client secret to the app registration and store it"
}

// federation shows what the token of another issuer says, which the app registration has
// to trust to the letter, and how to have it trust that.
func (c *checks) federation(ctx context.Context, t *tenant) bool {
	presented, err := t.Credential.Presented(ctx)
	switch {
	case err != nil:
		c.failed("federation", err)
		return false
	case presented == nil:
		return true
	}
	identity, err := t.Credential.Identity(ctx)
	if err != nil {
		c.failed("federation", err)
		return false
	}
	c.ok("federation", "the app needs a federated credential with exactly")
	c.below(strings.Join([]string{"issuer    " + presented.Issuer, "subject   " + presented.Subject, "audience  " + presented.Audience, register(identity, presented)}, "\n"))
	if identity.Method == credential.AWS {
		c.below("the subject is who runs this command; that of a function is the ARN of its role")
	}
	return true
}

// register is the command that adds the federated credential.
func register(identity credential.Identity, presented *credential.Presented) string {
	parameters, err := json.Marshal(map[string]any{
		"name": programName, "issuer": presented.Issuer, "subject": presented.Subject, "audiences": []string{presented.Audience},
	})
	if err != nil {
		return "" // of texts there is none
	}
	return "az ad app federated-credential create --id " + shellQuoted(identity.ClientID) + " --parameters " + shellQuoted(string(parameters))
}
