package snapshot

import "time"

// ManifestName is what the manifest of a run is called.
const ManifestName = "manifest.json"

// LatestKey is where a destination says which list of a tenant is the latest.
func LatestKey(tenant string) string { return "latest/tenant=" + tenant + ".json" }

// RunKey is an object of a run at a destination: a part or the manifest, or with "" what the
// keys of all of them begin with.
func RunKey(tenant, run, name string) string {
	return "runs/tenant=" + tenant + "/run=" + run + "/" + name
}

// stateKey is an object of a run in the state store.
func stateKey(tenant, run, name string) string {
	return "tenant=" + tenant + "/run=" + run + "/" + name
}

// usersKey is the table of the latest list.
func usersKey(tenant string) string { return "users/tenant=" + tenant + "/symlink.txt" }

// historyKey is the table of the UTC day on which a run started.
func historyKey(tenant string, startedAt time.Time) string {
	return "history/tenant=" + tenant + "/date=" + startedAt.UTC().Format(time.DateOnly) + "/symlink.txt"
}
