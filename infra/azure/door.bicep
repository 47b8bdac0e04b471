// The private endpoint of the app itself, for callers in the virtual network.

@description('Where it is.')
param location string

@description('What its resources are called.')
param name string

@description('Their tags.')
param tags object

@description('Resource id of the app.')
param appId string

@description('Resource id of the virtual network.')
param networkId string

@description('Resource id of the subnet of private endpoints.')
param subnetId string

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: environment().name == 'AzureCloud' ? 'privatelink.azurewebsites.net' : environment().name == 'AzureUSGovernment' ? 'privatelink.azurewebsites.us' : 'privatelink.chinacloudsites.cn'
  location: 'global'
  tags: tags

  resource link 'virtualNetworkLinks' = {
    name: name
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: networkId
      }
    }
  }
}

resource door 'Microsoft.Network/privateEndpoints@2025-01-01' = {
  name: '${name}-app'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: 'app'
        properties: {
          privateLinkServiceId: appId
          groupIds: ['sites']
        }
      }
    ]
  }

  resource names 'privateDnsZoneGroups' = {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: 'sites'
          properties: {
            privateDnsZoneId: zone.id
          }
        }
      ]
    }
  }
}
