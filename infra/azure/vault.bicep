// The vault of what the app has to keep secret. Its secrets are made once, by the first
// deployment, and nobody has to see them.

@description('Where it is.')
param location string

@description('Its name.')
param name string

@description('Its tags.')
param tags object

@description('Principal id of the identity that reads its secrets.')
param principalId string

@description('Let nobody in but by a private endpoint.')
param private bool

@description('The key that seals links to the next page. Left out, a random one.')
@secure()
param sealKey string = '${newGuid()}-${newGuid()}'

@description('What Microsoft Graph repeats in each notification. Left out, a random one.')
@secure()
param clientState string = '${newGuid()}-${newGuid()}'

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: private ? 'Deny' : 'Allow'
    }
  }
}

@onlyIfNotExists()
resource sealKeySecret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {
  parent: vault
  name: 'seal-key'
  properties: {
    value: sealKey
  }
}

@onlyIfNotExists()
resource webhookSecret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {
  parent: vault
  name: 'webhook'
  properties: {
    contentType: 'application/json'
    value: string({ ClientState: clientState })
  }
}

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId)
  scope: vault
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4633458b-17de-408a-b874-0445c86b69e6') // Key Vault Secrets User
    description: 'The app reads its secrets here.'
  }
}

@description('Resource id of the vault.')
output id string = vault.id

@description('Address of its secrets, which ends in a slash.')
output secrets string = '${vault.properties.vaultUri}secrets/'
