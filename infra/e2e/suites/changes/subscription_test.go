package changes_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// subscription is the one that changes has made and keeps.
func (d *deployment) subscription() simulator.Subscription {
	d.Helper()
	all := d.tenant.Subscriptions()
	if len(all) != 1 || !strings.HasPrefix(all[0].NotificationURL, d.front.URL+"/notifications") || all[0].LifecycleNotificationURL != all[0].NotificationURL ||
		all[0].ClientState != clientState {
		d.Fatalf("the subscriptions are %+v\n%s", all, d.logs())
	}
	return all[0]
}

func TestASubscriptionThatIsLostIsMadeAgain(t *testing.T) {
	t.Parallel()
	d := deploy(t, "lost")
	before := d.subscription()
	if err := d.tenant.ExpireSubscription(before.ID); err != nil {
		t.Fatal(err)
	}
	// What happens now nobody tells of. Graph says that the subscription is lost, if it
	// does, at the lifecycle address.
	if err := d.tenant.SetDepartment(7, "Untold"); err != nil {
		t.Fatal(err)
	}
	body := fmt.Appendf(nil, `{"value":[{"lifecycleEvent":"subscriptionRemoved","subscriptionId":%q,"clientState":%q,"tenantId":%q,"resource":"Users"}]}`, before.ID, clientState, d.tenant.TenantID)
	if status, err := d.post("/notifications", body, nil); err != nil || status != http.StatusAccepted {
		t.Fatalf("%d, %v", status, err)
	}
	d.settle(0)
	if d.subscription().ID == before.ID {
		t.Errorf("the subscription is the old one")
	}
	d.consumed(map[string]int{"updated": 1})
	d.halfAMinuteLater()
	d.happen(1, func() error { return d.tenant.SetDepartment(8, "Told") })
	d.settle(0)
	d.consumed(map[string]int{"updated": 1})
	d.wantSame()
}

func TestASubscriptionWhoseAuthorisationLapsesIsRenewed(t *testing.T) {
	t.Parallel()
	d := deploy(t, "lapsed")
	before := d.subscription()
	d.happen(1, func() error { return d.tenant.LapseAuthorization(before.ID) })
	d.settle(0)
	d.halfAMinuteLater()
	d.happen(1, func() error { return d.tenant.SetDepartment(7, "Kept") })
	d.settle(0)
	d.consumed(map[string]int{"updated": 1})
	d.wantSame()
	if now := d.subscription(); now.ID != before.ID {
		t.Errorf("the subscription is another one: %+v", now)
	}
}
