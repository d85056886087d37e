package node

import (
	"cmp"
	"context"

	"github.com/sijil-health/sijil/fhir"
	"github.com/sijil-health/sijil/fhir/subscription"
	"github.com/sijil-health/sijil/terminology"
	"github.com/sijil-health/sijil/vault"
)

// openSubscriptions begins to tell subscribers of changes.
func (n *Node) openSubscriptions(ctx context.Context, codes *terminology.Terminology) (*subscription.Subscriptions, error) {
	key, err := n.vault.Key("", vault.Index)
	if err != nil {
		return nil, err
	}
	return subscription.Open(ctx, subscription.Options{
		Dir: n.Subscriptions(), Key: key.Blind("subscriptions", nil), Record: n.record, Own: n.base(), Base: cmp.Or(n.base(), "http://"+n.Address()+"/fhir"),
		Parameters: n.parameters, Terminology: fhir.Codes(codes), Endpoints: n.config.SubscriptionEndpoints, Log: n.log,
	})
}
