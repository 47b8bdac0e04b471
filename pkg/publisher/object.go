package publisher

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/sink"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// OpenManifest opens the store of a published list, and returns the key in it of a manifest or
// of the pointer to the latest one. address is the URL of one of them, as results and events
// have it, with the options of a sink if it needs some; or that of a sink, of which it is the
// latest list of a tenant. The error is a [config.Error] if the address is none.
func OpenManifest(ctx context.Context, cfg *config.Config, address, tenant string) (snapshot.Store, string, error) {
	where, key, err := locate(address, tenant)
	if err != nil {
		return nil, "", invalid("MANIFEST", err)
	}
	access := sink.Access{LookupEnv: cfg.LookupEnv, Azure: azure(cfg)}
	at, err := where.Open(ctx, &access, "")
	if err != nil {
		return nil, "", configured("MANIFEST", err)
	}
	return at, key, nil
}

// locate divides an address into the store and the key.
func locate(address, tenant string) (where sink.Store, key string, err error) {
	place, options, _ := strings.Cut(address, "?")
	place, options, err = blob(place, options)
	if err != nil {
		return where, "", err
	}
	root := place
	if strings.HasSuffix(place, ".json") {
		if root, key = divide(place); tenant != "" {
			return where, "", errors.New("it names a list, so leave the tenant out")
		}
	} else if key = snapshot.LatestKey(tenant); !guid.Valid(tenant) {
		return where, "", errors.New("it is a sink: say by --tenant <GUID> whose latest list is meant, or name its latest/tenant=<GUID>.json or a manifest.json")
	}
	if options != "" {
		root += "?" + options
	}
	return where, key, where.UnmarshalText([]byte(root))
}

// divide divides the URL of an object where the key begins, as a snapshot writes it, or else
// before its name.
func divide(place string) (root, key string) {
	for _, folder := range []string{"/runs/tenant=", "/latest/tenant="} {
		if at := strings.LastIndex(place, folder); at >= 0 {
			return place[:at] + "/", place[at+1:]
		}
	}
	at := strings.LastIndexByte(place, '/') + 1
	return place[:at], place[at:]
}

// blobHosts are the hosts of storage accounts. Any other might be somebody's who collects
// tokens.
func blobHosts() []string {
	return []string{".blob.core.windows.net", ".blob.core.usgovcloudapi.net", ".blob.core.chinacloudapi.cn"}
}

// blob makes of the https URL by which a manifest names a blob that of a sink.
func blob(place, options string) (string, string, error) {
	if !strings.HasPrefix(place, "https:") {
		return place, options, nil
	}
	at, err := url.Parse(place)
	if err != nil || at.User != nil || options != "" {
		return "", "", errors.New("it is not the URL of a blob without options")
	}
	for i, host := range blobHosts() {
		if account, ok := strings.CutSuffix(at.Host, host); ok {
			if i > 0 {
				options = "endpoint=" + url.QueryEscape("https://"+at.Host)
			}
			return "azblob://" + account + at.Path, options, nil
		}
	}
	return "", "", errors.New("it is of no storage account; write azblob://account/container/prefix/... with the option endpoint=https://<host>")
}
