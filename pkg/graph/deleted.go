package graph

// deletedPath lists the users who can be restored. Without the cast Graph refuses it.
const deletedPath = "/v1.0/directory/deletedItems/microsoft.graph.user"

// DeletedPager prepares to read the users who were deleted within the last 30 days and can
// be restored. Of q, Select and Top count; there is no $expand there. It makes no request.
//
// Such a user's userPrincipalName has the object id before it, so that the name is free
// for somebody else.
func (c *Client) DeletedPager(q Query) *Pager {
	plain := Query{Select: q.Select, Top: q.Top}
	return c.pager(request{url: c.url(deletedPath, plain.encode())}, plain.selection())
}
