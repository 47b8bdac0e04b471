// A virtual network that the app is joined to, and the private endpoints by which it reaches
// storage and the vault.

@description('Where it is.')
param location string

@description('What its resources are called.')
param name string

@description('Their tags.')
param tags object

@description('Whether the app is on a Flex Consumption plan.')
param flex bool

@description('Resource id of the storage account of the host.')
param hostId string

@description('Resource id of the storage account of the data.')
param dataId string

@description('Resource id of the vault.')
param vaultId string

var storageSuffix = environment().suffixes.storage
var vaultZone = 'privatelink.vaultcore.${replace(environment().suffixes.keyvaultDns, '.vault.', '')}'
var endpoints = [
  { name: 'host-blob', target: hostId, group: 'blob', zone: 0 }
  { name: 'host-queue', target: hostId, group: 'queue', zone: 1 }
  { name: 'host-table', target: hostId, group: 'table', zone: 2 }
  { name: 'data-blob', target: dataId, group: 'blob', zone: 0 }
  { name: 'vault', target: vaultId, group: 'vault', zone: 3 }
]
var zoneNames = [
  'privatelink.blob.${storageSuffix}'
  'privatelink.queue.${storageSuffix}'
  'privatelink.table.${storageSuffix}'
  vaultZone
]

resource network 'Microsoft.Network/virtualNetworks@2025-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: ['10.83.0.0/24']
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: '10.83.0.0/26'
          delegations: [
            {
              name: 'app'
              properties: {
                serviceName: flex ? 'Microsoft.App/environments' : 'Microsoft.Web/serverFarms'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.83.0.64/26'
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }

  resource appSubnet 'subnets' existing = {
    name: 'app'
  }

  resource endpointSubnet 'subnets' existing = {
    name: 'endpoints'
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for zone in zoneNames: {
  name: zone
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (zone, i) in zoneNames: {
  parent: zones[i]
  name: name
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}]

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2025-01-01' = [for endpoint in endpoints: {
  name: '${name}-${endpoint.name}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: network::endpointSubnet.id
    }
    privateLinkServiceConnections: [
      {
        name: endpoint.name
        properties: {
          privateLinkServiceId: endpoint.target
          groupIds: [endpoint.group]
        }
      }
    ]
  }
}]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-01-01' = [for (endpoint, i) in endpoints: {
  parent: privateEndpoints[i]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: endpoint.group
        properties: {
          privateDnsZoneId: zones[endpoint.zone].id
        }
      }
    ]
  }
}]

@description('Resource id of the subnet that the app is joined to.')
output appSubnetId string = network::appSubnet.id

@description('Resource id of the subnet of private endpoints.')
output endpointSubnetId string = network::endpointSubnet.id

@description('Resource id of the virtual network.')
output id string = network.id
