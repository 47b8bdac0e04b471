package azure_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	azcontainer "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/identity"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/published"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// present are the ids of the users that the tenant has now.
func (d *deployment) present() map[string]bool {
	users := map[string]bool{}
	at := d.tenant.Position()
	for _, id := range d.tenant.PresentThroughout(at, at) {
		users[id] = true
	}
	return users
}

// latest reads as a consumer does. Before the first run it is nil.
func (d *deployment) latest(tenant string) (*snapshot.Manifest, published.Users) {
	d.Helper()
	body, _, err := d.store.Read(context.WithoutCancel(d.Context()), "latest/tenant="+tenant+".json")
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	var m *snapshot.Manifest
	var users published.Users
	if err == nil {
		m, users, err = published.Latest(body, d.read)
	}
	if err != nil {
		d.Fatal(err)
	}
	return m, users
}

func (d *deployment) read(url string) ([]byte, error) {
	_, key, found := strings.Cut(url, "/"+container+"/")
	if !found {
		return nil, errors.New(url + " is not in the container")
	}
	body, _, err := d.store.Read(context.WithoutCancel(d.Context()), key)
	return body, err
}

// published waits until latest names a run that differs from the one before, and checks
// that it has these users.
func (d *deployment) published(before string, users map[string]bool) *snapshot.Manifest {
	d.Helper()
	var m *snapshot.Manifest
	var found published.Users
	d.until("another run than "+before+" is published", func() bool {
		m, found = d.latest(d.tenant.TenantID)
		return m != nil && m.Run != before
	})
	if !maps.Equal(found, users) {
		d.Fatalf("run %s has %d users, which are not the %d of the tenant", m.Run, len(found), len(users))
	}
	return m
}

// blobNames are all keys below a prefix of the container of the lists.
func (d *deployment) blobNames(prefix string) (names []string) {
	d.Helper()
	client, err := azcontainer.NewClient(d.account.URL+"/"+container, identity.Credential{}, &azcontainer.ClientOptions{
		ClientOptions: policy.ClientOptions{Transport: d.account.Client()},
	})
	if err != nil {
		d.Fatal(err)
	}
	for pages := client.NewListBlobsFlatPager(&azcontainer.ListBlobsFlatOptions{Prefix: &prefix}); pages.More(); {
		page, err := pages.NextPage(d.Context())
		if err != nil {
			d.Fatal(err)
		}
		for _, item := range page.Segment.BlobItems {
			names = append(names, *item.Name)
		}
	}
	return names
}

// runs are the names of the runs of a tenant of which there are blobs.
func (d *deployment) runs(tenant string) []string {
	d.Helper()
	found := map[string]bool{}
	for _, name := range d.blobNames("runs/tenant=" + tenant + "/") {
		_, rest, _ := strings.Cut(name, "/run=")
		run, _, _ := strings.Cut(rest, "/")
		found[run] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// nothingElse checks that a run has left no blob but those that its manifest names.
func (d *deployment) nothingElse(m *snapshot.Manifest) {
	d.Helper()
	want := []string{"runs/tenant=" + m.Tenant + "/run=" + m.Run + "/manifest.json"}
	for _, o := range m.Objects {
		_, key, _ := strings.Cut(o.URL, "/"+container+"/")
		want = append(want, key)
	}
	slices.Sort(want)
	got := d.blobNames("runs/tenant=" + m.Tenant + "/run=" + m.Run + "/")
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		d.Errorf("the run has other blobs (+) than its manifest names (-):\n%s", diff)
	}
}
