package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// onAzure reports whether what Azure gives a function is checked without being asked for:
// where there is a managed identity.
func onAzure(t *tenant) bool {
	_, hosted := t.config.LookupEnv("IDENTITY_ENDPOINT")
	return hosted || t.config.Credentials.Scheme == secret.ManagedIdentity
}

// identity says who the managed identity is, and checks that its token has the permissions
// that the list needs. It returns false if users cannot be read.
func (c *checks) identity(ctx context.Context, t *tenant) bool {
	id, err := t.Credential.Identity(ctx)
	if err != nil || id.Method != credential.ManagedIdentity {
		return true
	}
	c.ok("identity", "%s", id)
	if id.Roles == nil {
		c.ok("role", "the token does not say which permissions it has; the next check finds out")
		return true
	}
	var missing []string
	for _, permission := range permissions(t.Request.Columns) {
		if !has(id.Roles, permission) {
			missing = append(missing, "the token does not have "+permission+": "+t.Credential.Grant(permission))
		}
	}
	if len(missing) > 0 {
		c.failed("role", errors.New(strings.Join(missing, "\n")))
		return has(id.Roles, "User.Read.All")
	}
	c.ok("role", "%s", strings.Join(id.Roles, ", "))
	return true
}

// permissions are those that a list of the columns needs.
func permissions(columns []property.Column) []string {
	needed := []string{"User.Read.All"}
	if slices.ContainsFunc(columns, func(column property.Column) bool { return column.Name == "signInActivity" && !column.Optional }) {
		needed = append(needed, "AuditLog.Read.All")
	}
	return needed
}

// has reports whether roles include a permission, or one that includes it.
func has(roles []string, permission string) bool {
	wider := []string{permission}
	if permission == "User.Read.All" {
		wider = append(wider, "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
	}
	return slices.ContainsFunc(wider, func(role string) bool { return slices.Contains(roles, role) })
}

// azure checks what publishing uses, and the vaults that secrets are read from.
func (c *checks) azure(ctx context.Context, t *tenant, settings publisher.Settings, log *slog.Logger) {
	c.places(ctx, t, settings, log)
	hooks := settings.WebhookSecret.Via(reader.Secrets(t.config, t.options...))
	for _, kept := range []struct {
		variable string
		source   secret.Source
		read     func() error
	}{
		{"ROLLCALL_CREDENTIALS", t.config.Credentials, func() error { _, err := t.Credential.Identity(ctx); return err }},
		{"ROLLCALL_SEAL_KEY", t.config.SealKey, func() error { _, err := t.SealKey(ctx); return err }},
		{"ROLLCALL_WEBHOOK_SECRET", hooks.Source(), func() error { _, err := hooks.Read(ctx); return err }},
	} {
		if kept.source.Scheme != secret.KeyVault {
			continue
		}
		if err := kept.read(); err != nil {
			c.failed("key vault", fmt.Errorf("%s: %w", kept.variable, err))
			continue
		}
		c.ok("key vault", "%s can be read from %s", kept.variable, kept.source)
	}
}

// places tries the stores and the queues, each once.
func (c *checks) places(ctx context.Context, t *tenant, settings publisher.Settings, log *slog.Logger) {
	if settings.State.IsZero() && len(settings.Sinks.Stores)+len(settings.Sinks.Buses) == 0 {
		c.ok("storage", "none is configured (ROLLCALL_STATE, ROLLCALL_SINKS)")
		return
	}
	p, err := t.publisher(settings, log)
	if err != nil {
		c.failed("storage", err)
		return
	}
	for _, place := range p.Places() {
		check, does := "storage", "can be read, written by compare-and-swap and cleaned up"
		if place.Queue {
			check, does = "queue", "takes messages of this identity"
		}
		switch err := place.Try(ctx); {
		case err != nil && publisher.Forbidden(err) && !place.Queue:
			c.failed(check, fmt.Errorf("%w\n%s", err, blobRole(ctx, t, place.URL)))
		case err != nil:
			c.failed(check, err)
		default:
			c.ok(check, "%s %s", place.URL, does)
		}
	}
}

// blobRole is the command that lets the identity use a container, whose URL is
// azblob://account/container/prefix.
func blobRole(ctx context.Context, t *tenant, url string) string {
	object := "<object id of the identity>"
	// Stores are signed in to by the identity that AZURE_CLIENT_ID names, if it names one.
	named, _ := t.config.LookupEnv("AZURE_CLIENT_ID")
	if id, err := t.Credential.Identity(ctx); err == nil && id.ObjectID != "" && (id.SystemAssigned && named == "" || strings.EqualFold(id.ClientID, named)) {
		object = id.ObjectID
	}
	account, rest, _ := strings.Cut(strings.TrimPrefix(url, "azblob://"), "/")
	container, _, _ := strings.Cut(rest, "/")
	return `az role assignment create --role "Storage Blob Data Contributor" --assignee-object-id ` + object + ` --assignee-principal-type ServicePrincipal` +
		` --scope "$(az storage account show --name ` + account + ` --query id --output tsv)/blobServices/default/containers/` + container + `"`
}
