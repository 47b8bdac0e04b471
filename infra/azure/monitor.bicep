// Where the app's log goes, and who is told when something is wrong.

@description('Where it is.')
param location string

@description('What its resources are called.')
param name string

@description('Their tags.')
param tags object

@description('Principal id of the identity that writes the log.')
param principalId string

@description('Days that the log is kept.')
param logDays int

@description('Who is told. Empty: nobody, the alerts only show.')
param alarmEmail string

@description('Alert if this many hours have passed without a published snapshot.')
param staleHours int

@description('Watch the change feed, too.')
param changes bool

// The texts are those of records of the log, the metrics those of docs/operate.md.
var always = [
  {
    name: 'failed'
    title: 'Jobs fail again and again'
    severity: 2
    query: 'requests | where success == false and name in ("snapshot", "snapshot_run", "changes", "changes_run")'
    operator: 'GreaterThanOrEqual'
    threshold: 3
    window: 'PT1H'
    frequency: 'PT15M'
  }
  {
    name: 'poisoned'
    title: 'A message went to a poison queue'
    severity: 1
    query: 'traces | where severityLevel >= 2 and message has "the message goes to the poison queue"'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT15M'
    frequency: 'PT5M'
  }
  {
    name: 'doubtful'
    title: 'A list was incomplete or is suspect, and was not published'
    severity: 1
    query: 'traces | where severityLevel >= 2 and message has_any ("Snapshot.Suspect", "Snapshot.Incomplete")'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT15M'
    frequency: 'PT5M'
  }
  {
    name: 'stale'
    title: 'No snapshot was published in ${staleHours} hours'
    severity: 1
    query: 'traces | where timestamp > ago(${staleHours}h) and message has "the list is published"'
    operator: 'LessThan'
    threshold: 1
    window: 'P2D'
    frequency: 'PT1H'
  }
  {
    name: 'old'
    title: 'The list that readers see is more than ${staleHours} hours away from now'
    severity: 1
    query: 'customMetrics | where name == "LatestAge" and value > ${staleHours} * 3600'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT1H'
    frequency: 'PT1H'
  }
]
var ofChanges = [
  {
    name: 'silent'
    title: 'The change feed has not looked for changes in two hours'
    severity: 1
    query: 'traces | where message has "the run of the changes is at its end"'
    operator: 'LessThan'
    threshold: 1
    window: 'PT2H'
    frequency: 'PT15M'
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: logDays
    features: {
      disableLocalAuth: true
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: name
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, principalId)
  scope: insights
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '3913510d-42f4-4e42-8a64-420c390055eb') // Monitoring Metrics Publisher
    description: 'The host writes the log, and takes no key for that.'
  }
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(alarmEmail)) {
  name: name
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'rollcall'
    emailReceivers: [
      {
        name: 'alarm'
        emailAddress: alarmEmail
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for alert in concat(always, changes ? ofChanges : []): {
  name: '${name}-${alert.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Rollcall: ${alert.title}'
    description: 'docs/azure.md says what to do.'
    severity: alert.severity
    enabled: true
    autoMitigate: true
    scopes: [insights.id]
    windowSize: alert.window
    evaluationFrequency: alert.frequency
    criteria: {
      allOf: [
        {
          query: alert.query
          timeAggregation: 'Count'
          operator: alert.operator
          threshold: alert.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: empty(alarmEmail) ? [] : [people.id]
    }
  }
}]

@description('Where the host sends the log.')
output connectionString string = insights.properties.ConnectionString

@description('Name of the component of Application Insights.')
output name string = insights.name
