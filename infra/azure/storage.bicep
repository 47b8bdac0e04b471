// The two storage accounts: that of the host, and that of the users' data. Neither takes keys.

@description('Where they are.')
param location string

@description('What their names end in.')
param suffix string

@description('Their tags.')
param tags object

@description('Principal id of the identity that reads and writes them.')
param principalId string

@description('Their SKU, which says how many copies there are and where.')
param sku string

@description('Days that replaced and deleted objects can be brought back.')
param deletedDays int

@description('Let nobody in but by private endpoints.')
param private bool

// The queues of the jobs, as in functions/azure/*/function.json, and where the host puts a
// message whose job has failed too often.
var jobs = ['rollcall-snapshots', 'rollcall-changes']
var queueNames = concat(jobs, map(jobs, job => '${job}-poison'))

// What the host itself needs of its storage account.
var hostRoles = [
  {
    id: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner
    why: 'The host keeps its keys, locks, schedules and the deployed package.'
  }
  {
    id: '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // Storage Queue Data Contributor
    why: 'The host takes messages out of the queues, and puts new and poisoned ones in.'
  }
  {
    id: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor
    why: 'The host records why it could not start.'
  }
]

var blobContributor = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'ba92f5b4-2d11-453d-a403-e96b0029c9fe') // Storage Blob Data Contributor

var storageProperties = {
  accessTier: 'Hot'
  allowBlobPublicAccess: false
  allowCrossTenantReplication: false
  allowSharedKeyAccess: false
  defaultToOAuthAuthentication: true
  minimumTlsVersion: 'TLS1_2'
  publicNetworkAccess: private ? 'Disabled' : 'Enabled'
  supportsHttpsTrafficOnly: true
  networkAcls: {
    bypass: 'AzureServices'
    defaultAction: private ? 'Deny' : 'Allow'
  }
}

// The account of the host: queues, the deployed package, what the host notes for itself.
resource host 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: 'host${suffix}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: storageProperties

  resource blobs 'blobServices' = {
    name: 'default'

    resource packages 'containers' = {
      name: 'packages'
    }
  }

  resource messages 'queueServices' = {
    name: 'default'

    resource queues 'queues' = [for name in queueNames: {
      name: name
    }]
  }
}

resource hostAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in hostRoles: {
  name: guid(host.id, principalId, role.id)
  scope: host
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.id)
    description: role.why
  }
}]

// The account of the users: personal data, and nothing else. Readers get a role on the
// container directory; the state between runs is not for them.
resource data 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: 'data${suffix}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: storageProperties

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: {
        enabled: true
        days: deletedDays
      }
      containerDeleteRetentionPolicy: {
        enabled: true
        days: deletedDays
      }
    }

    resource directory 'containers' = {
      name: 'directory'
    }

    resource state 'containers' = {
      name: 'state'
    }
  }
}

resource directoryAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(data::blobs::directory.id, principalId)
  scope: data::blobs::directory
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: blobContributor
    description: 'Snapshots are published here.'
  }
}

resource stateAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(data::blobs::state.id, principalId)
  scope: data::blobs::state
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: blobContributor
    description: 'Runs keep here how far they are, and what they knew last.'
  }
}

@description('Resource id of the account of the host.')
output hostId string = host.id

@description('Name of the account of the host.')
output host string = host.name

@description('Addresses of its services: blob, queue and table.')
output hostEndpoints object = host.properties.primaryEndpoints

@description('Name of its container for the deployed package.')
output packages string = host::blobs::packages.name

@description('Resource id of the account of the data.')
output dataId string = data.id

@description('Name of the account of the data.')
output data string = data.name

@description('Address of its blobs.')
output dataEndpoint string = data.properties.primaryEndpoints.blob

@description('Name of its container of snapshots.')
output directory string = data::blobs::directory.name

@description('Name of its container of the state between runs.')
output state string = data::blobs::state.name
