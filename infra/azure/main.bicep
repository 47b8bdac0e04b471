// Rollcall on Azure: a function app with the jobs of functions/azure, the identity that it
// signs in with, and what it reads and writes. docs/azure.md explains it.

@description('Where everything is created.')
param location string = resourceGroup().location

@description('What the names of all resources begin with.')
@minLength(2)
@maxLength(10)
param name string = 'rollcall'

@description('Tags of all resources.')
param tags object = {}

@description('The plan: flex (Flex Consumption, billed by use), or premium (Elastic Premium EP1, billed by time), for regions without Flex Consumption.')
@allowed(['flex', 'premium'])
param plan string = 'flex'

@description('Microsoft cloud of the tenant.')
@allowed(['public', 'usgov', 'usgov-dod', 'china', 'bleu', 'delos', 'govsg'])
param cloud string = 'public'

@description('App roles of Microsoft Graph that the identity is granted. The deployer has to be allowed to grant them; [] leaves it to somebody who is.')
param graphRoles array = ['User.Read.All']

@description('Where the app\'s identity in Entra ID is kept, keyvault:https://<vault>/secrets/<name>. Empty for the managed identity.')
param credentials string = ''

@description('More sinks of snapshots and changes than the container, separated by spaces. Each one needs a role of its own.')
param sinks string = ''

@description('More ROLLCALL_ settings, such as {"ROLLCALL_SELECT":"id,mail"}. They replace those that are set here.')
param settings object = {}

@description('When a snapshot is published: six fields, in UTC.')
param snapshotSchedule string = '0 15 2 * * *'

@description('Publish who joined, changed and left.')
param changes bool = false

@description('When the change feed looks for changes: six fields, in UTC.')
param changesSchedule string = '0 */15 * * * *'

@description('Take change notifications of Microsoft Graph and signed hooks at a public address.')
param webhook bool = false

@description('Client id of the app registration that callers of the API have tokens for. Empty: they need a key only.')
param signInClientId string = ''

@description('Address that alerts are sent to. Empty: they show in Azure Monitor only.')
param alarmEmail string = ''

@description('Alert if this many hours have passed without a published snapshot.')
@minValue(2)
@maxValue(47)
param staleHours int = 26

@description('Redundancy of what is stored: Standard_LRS, or where the region has zones Standard_ZRS.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param redundancy string = 'Standard_LRS'

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logDays int = 30

@description('Days that replaced and deleted objects can be brought back.')
@minValue(1)
@maxValue(365)
param deletedDays int = 7

@description('Memory of an instance of the Flex Consumption plan, in MB.')
@allowed([512, 2048, 4096])
param instanceMemory int = 2048

@description('Instances that run at a time, at most.')
@minValue(40)
@maxValue(1000)
param maximumInstances int = 40

@description('Instances that always wait for callers of the API: they have no cold start, and are billed by time.')
@minValue(0)
@maxValue(20)
param readyInstances int = 0

@description('What can be reached from a virtual network only: nothing, data (storage and the vault), or everything, the app as well unless there is a webhook, which Microsoft Graph calls.')
@allowed(['nothing', 'data', 'everything'])
param private string = 'nothing'

var suffix = uniqueString(resourceGroup().id, name)
var appName = '${name}-${suffix}'
var flex = plan == 'flex'
var privateData = private != 'nothing'
var privateApp = private == 'everything' && !webhook
var memory = flex ? instanceMemory : 3584 // that of EP1
var publicCloud = environment().name == 'AzureCloud' // elsewhere URLs of sinks name the service

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: appName
  location: location
  tags: tags
}

module graph 'graph.bicep' = if (!empty(graphRoles)) {
  name: 'graph-${suffix}'
  params: {
    principalId: identity.properties.principalId
    roles: graphRoles
  }
}

module storage 'storage.bicep' = {
  name: 'storage-${suffix}'
  params: {
    location: location
    suffix: suffix
    tags: tags
    principalId: identity.properties.principalId
    sku: redundancy
    deletedDays: deletedDays
    private: privateData
  }
}

module vault 'vault.bicep' = {
  name: 'vault-${suffix}'
  params: {
    location: location
    name: appName
    tags: tags
    principalId: identity.properties.principalId
    private: privateData
  }
}

module monitor 'monitor.bicep' = {
  name: 'monitor-${suffix}'
  params: {
    location: location
    name: appName
    tags: tags
    principalId: identity.properties.principalId
    logDays: logDays
    alarmEmail: alarmEmail
    staleHours: staleHours
    changes: changes
  }
}

module network 'network.bicep' = if (privateData) {
  name: 'network-${suffix}'
  params: {
    location: location
    name: appName
    tags: tags
    flex: flex
    hostId: storage.outputs.hostId
    dataId: storage.outputs.dataId
    vaultId: vault.outputs.id
  }
}

resource farm 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: appName
  location: location
  tags: tags
  kind: flex ? 'functionapp' : 'elastic'
  sku: flex ? { name: 'FC1', tier: 'FlexConsumption' } : { name: 'EP1', tier: 'ElasticPremium' }
  properties: {
    reserved: true // Linux
    maximumElasticWorkerCount: flex ? null : min(maximumInstances, 20)
  }
}

var flexConfig = {
  runtime: {
    name: 'custom'
    version: '1.0'
  }
  deployment: {
    storage: {
      type: 'blobContainer'
      value: '${storage.outputs.hostEndpoints.blob}${storage.outputs.packages}'
      authentication: {
        type: 'UserAssignedIdentity'
        userAssignedIdentityResourceId: identity.id
      }
    }
  }
  scaleAndConcurrency: {
    instanceMemoryMB: instanceMemory
    maximumInstanceCount: maximumInstances
    alwaysReady: readyInstances == 0 ? [] : [{ name: 'http', instanceCount: readyInstances }]
  }
}

var premiumConfig = {
  linuxFxVersion: '' // a custom handler
  ftpsState: 'Disabled'
  use32BitWorkerProcess: false
  minimumElasticInstanceCount: max(readyInstances, 1)
  functionsRuntimeScaleMonitoringEnabled: privateData
  vnetRouteAllEnabled: privateData
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: appName
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: farm.id
    httpsOnly: true
    clientAffinityEnabled: false
    publicNetworkAccess: privateApp ? 'Disabled' : 'Enabled'
    virtualNetworkSubnetId: privateData ? network!.outputs.appSubnetId : null
    siteConfig: union({
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
    }, flex ? {} : premiumConfig)
    functionAppConfig: flex ? flexConfig : null
  }

  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: {
      allow: false
    }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: {
      allow: false
    }
  }
}

// What the host reads. It signs in to its storage account as the identity.
var hostSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identity.properties.clientId
  AzureWebJobsStorage__blobServiceUri: storage.outputs.hostEndpoints.blob
  AzureWebJobsStorage__queueServiceUri: storage.outputs.hostEndpoints.queue
  AzureWebJobsStorage__tableServiceUri: storage.outputs.hostEndpoints.table
  APPLICATIONINSIGHTS_CONNECTION_STRING: monitor.outputs.connectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
  SNAPSHOT_SCHEDULE: snapshotSchedule
  CHANGES_SCHEDULE: changesSchedule
  'AzureWebJobs.changes.Disabled': changes ? 'false' : 'true'
  'AzureWebJobs.webhook.Disabled': webhook ? 'false' : 'true'
}
// The package is in the storage account: in the plan's own file share it would need keys.
var premiumSettings = {
  FUNCTIONS_EXTENSION_VERSION: '~4'
  FUNCTIONS_WORKER_RUNTIME: 'custom'
  WEBSITE_RUN_FROM_PACKAGE: '${storage.outputs.hostEndpoints.blob}${storage.outputs.packages}/azure.zip'
  WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID: identity.id
}

// What the jobs read. AZURE_CLIENT_ID names the identity for stores and buses, GOMEMLIMIT half
// of the memory: the host has the other half.
var endpoint = publicCloud ? '' : '?endpoint=${storage.outputs.dataEndpoint}'
var container = 'azblob://${storage.outputs.data}/${storage.outputs.directory}${endpoint}'
var rollcallSettings = union({
  AZURE_CLIENT_ID: identity.properties.clientId
  GOMEMLIMIT: '${memory / 2}MiB'
  ROLLCALL_CREDENTIALS: empty(credentials) ? 'managed-identity:${identity.properties.clientId}' : credentials
  ROLLCALL_SEAL_KEY: 'keyvault:${vault.outputs.secrets}seal-key'
  ROLLCALL_CLOUD: cloud
  ROLLCALL_SINKS: trim('${container} ${sinks}')
  ROLLCALL_STATE: 'azblob://${storage.outputs.data}/${storage.outputs.state}${endpoint}'
  ROLLCALL_WEBHOOK_SECRET: 'keyvault:${vault.outputs.secrets}webhook'
}, webhook && changes ? {
  ROLLCALL_NOTIFICATION_URL: 'https://${app.properties.defaultHostName}/api/webhook/notifications'
} : {})

// On its own, since it names the app's address.
resource environmentVariables 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'appsettings'
  properties: union(hostSettings, flex ? {} : premiumSettings, rollcallSettings, settings)
}

// App Service looks at the tokens of callers, and lets nobody in without one but the webhook,
// which Microsoft Graph calls.
resource signIn 'Microsoft.Web/sites/config@2024-11-01' = if (!empty(signInClientId)) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
      excludedPaths: webhook ? ['/api/webhook/notifications', '/api/webhook/run'] : []
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: signInClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [signInClientId, 'api://${signInClientId}']
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}

module door 'door.bicep' = if (privateApp) {
  name: 'door-${suffix}'
  params: {
    location: location
    name: appName
    tags: tags
    appId: app.id
    networkId: network!.outputs.id
    subnetId: network!.outputs.endpointSubnetId
  }
}

@description('Name of the function app.')
output app string = app.name

@description('The API, a Graph client\'s base URL. Callers send a key in the header x-functions-key.')
output api string = 'https://${app.properties.defaultHostName}/api'

@description('Prints a key for a caller of the API.')
output keyCommand string = 'az functionapp keys list --resource-group ${resourceGroup().name} --name ${app.name} --query functionKeys.default --output tsv'

@description('The container of the snapshots; latest/tenant=<GUID>.json names the manifest of the last good one.')
output snapshots string = '${storage.outputs.dataEndpoint}${storage.outputs.directory}'

@description('Publishes a snapshot now. Needs the role Storage Queue Data Message Sender.')
output snapshotCommand string = 'az storage message put --auth-mode login --account-name ${storage.outputs.host} --queue-name rollcall-snapshots --content ${base64('{}')}'

@description('Publishes the run <RUN> although it is suspect. Needs the same role.')
output acceptCommand string = 'az storage message put --auth-mode login --account-name ${storage.outputs.host} --queue-name rollcall-snapshots --content "$(printf %s \'{"accept":"<RUN>"}\' | base64 | tr -d "\\n")"'

@description('What Microsoft Graph and hooks call; empty without the webhook.')
output webhookUrl string = webhook ? 'https://${app.properties.defaultHostName}/api/webhook' : ''

@description('Principal id of the identity, for whoever grants it User.Read.All and the roles of further sinks.')
output principalId string = identity.properties.principalId

@description('Where the package of a Premium plan is uploaded to; empty with Flex Consumption.')
output package string = flex ? '' : '${storage.outputs.hostEndpoints.blob}${storage.outputs.packages}/azure.zip'

@description('The component of Application Insights with the log.')
output log string = monitor.outputs.name
