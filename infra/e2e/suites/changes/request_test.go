package changes_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// notification is what Graph posts when somebody in a tenant has changed.
func (d *deployment) notification(tenant, clientState string) []byte {
	id := d.tenant.ID(7)
	return fmt.Appendf(nil, `{"value":[{"changeType":"updated","resource":"Users/%s","resourceData":{"@odata.type":"#Microsoft.Graph.User","@odata.id":"Users/%[1]s","id":%[1]q},`+
		`"clientState":%q,"subscriptionExpirationDateTime":"2030-01-01T00:00:00Z","subscriptionId":"6a7e8feb-2222-4333-8444-555555555555","tenantId":%q}]}`, id, clientState, tenant)
}

// post posts JSON to the front.
func (d *deployment) post(path string, body []byte, header http.Header) (status int, err error) {
	request, err := http.NewRequestWithContext(d.Context(), http.MethodPost, d.front.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	response, err := d.client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// signed are the headers of a hook (the specification of Standard Webhooks, "Signature
// scheme").
func signed(t *testing.T, id, key string, body []byte) http.Header {
	t.Helper()
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, now, body)
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", now)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return h
}
