package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/published"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
)

// publishedFlags choose a tenant in a sink.
type publishedFlags struct {
	Tenant string `placeholder:"GUID" help:"Whose latest list of a sink is meant. Default: the only one of a folder."`
}

// find reads the manifest that an argument names: by its path or URL, by that of the pointer
// to the latest one, or by that of a sink.
func (p *program) find(ctx context.Context, name string, f publishedFlags) (*published.Snapshot, error) {
	if f.Tenant != "" && !guid.Valid(f.Tenant) {
		return nil, &usageError{"--tenant is the GUID of a tenant"}
	}
	address, err := manifestURL(name, &f.Tenant)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Read(p.environ)
	if err != nil {
		return nil, err
	}
	at, key, err := publisher.OpenManifest(ctx, cfg, address, strings.ToLower(f.Tenant))
	var invalid *config.Error
	switch {
	case errors.As(err, &invalid):
		return nil, &usageError{name + ": " + invalid.Problems[0].Text}
	case err != nil:
		return nil, err
	}
	return published.Find(ctx, at, key)
}

// manifestURL returns the URL for an argument. Of a folder with the lists of one tenant it
// sets the tenant as well.
func manifestURL(name string, tenant *string) (string, error) {
	folder := location{name}.folder()
	if !hasScheme(name) {
		folder = name
	}
	if folder == "" || strings.HasSuffix(folder, ".json") {
		return sinkURL("MANIFEST", name)
	}
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return "", &usageError{name + " is neither a manifest nor a folder with snapshots"}
	}
	if *tenant == "" {
		found, err := fs.Glob(os.DirFS(folder), "latest/tenant=*.json")
		switch {
		case err != nil || len(found) == 0:
			return "", &usageError{name + " has no latest list: name a manifest.json"}
		case len(found) > 1:
			return "", &usageError{fmt.Sprintf("%s has the latest lists of %d tenants: say by --tenant <GUID> which one is meant", name, len(found))}
		}
		*tenant = strings.TrimSuffix(strings.TrimPrefix(path.Base(found[0]), "tenant="), ".json")
	}
	return sinkURL("MANIFEST", name)
}
