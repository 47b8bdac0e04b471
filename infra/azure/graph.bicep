// What the identity may read in the directory: app roles of Microsoft Graph, as an
// administrator's consent gives them to an app registration.

extension microsoftGraphV1

@description('Principal id of the identity.')
param principalId string

@description('Names of the app roles, such as User.Read.All.')
param roles array

resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: '00000003-0000-0000-c000-000000000000' // Microsoft Graph, in every tenant
}

resource grants 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [for role in roles: {
  appRoleId: filter(graph.appRoles, known => (known.value == role))[0].id
  principalId: principalId
  resourceId: graph.id
}]
