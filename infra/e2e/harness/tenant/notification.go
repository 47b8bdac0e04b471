package tenant

import "fmt"

// Notification is what Graph posts when a user of a tenant, which may be another one, has
// changed.
func (t *Tenant) Notification(tenant, clientState string) []byte {
	id := t.ID(7)
	return fmt.Appendf(nil, `{"value":[{"changeType":"updated","resource":"Users/%s","resourceData":{"@odata.type":"#Microsoft.Graph.User","@odata.id":"Users/%[1]s","id":%[1]q},`+
		`"clientState":%q,"subscriptionExpirationDateTime":"2030-01-01T00:00:00Z","subscriptionId":"6a7e8feb-2222-4333-8444-555555555555","tenantId":%q}]}`, id, clientState, tenant)
}
