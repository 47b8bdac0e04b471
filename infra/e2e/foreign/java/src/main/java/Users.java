import com.azure.identity.ClientSecretCredentialBuilder;
import com.google.gson.Gson;
import com.microsoft.graph.core.tasks.PageIterator;
import com.microsoft.graph.models.User;
import com.microsoft.graph.models.UserCollectionResponse;
import com.microsoft.graph.models.odataerrors.ODataError;
import com.microsoft.graph.serviceclient.GraphServiceClient;
import com.microsoft.kiota.authentication.AccessTokenProvider;
import com.microsoft.kiota.authentication.AllowedHostsValidator;
import com.microsoft.kiota.authentication.AnonymousAuthenticationProvider;
import com.microsoft.kiota.authentication.AuthenticationProvider;
import com.microsoft.kiota.authentication.BaseBearerTokenAuthenticationProvider;
import java.net.URI;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads every user with Microsoft's own client and its PageIterator, and prints what it found as JSON. Nothing is changed but, where
 * they are given, the base URL and who vouches for the caller.
 */
final class Users {
  private static final Map<String, String> ENV = System.getenv();

  public static void main(String[] args) throws Exception {
    GraphServiceClient graph;
    if (ENV.containsKey("CALLER_TOKEN")) {
      graph = client(new BaseBearerTokenAuthenticationProvider(new Caller()));
    } else {
      graph = new GraphServiceClient(new ClientSecretCredentialBuilder()
          .tenantId(ENV.get("AZURE_TENANT_ID")).clientId(ENV.get("AZURE_CLIENT_ID")).clientSecret(ENV.get("AZURE_CLIENT_SECRET")).build());
    }
    List<String> ids = new ArrayList<>();
    int[] names = {0};
    UserCollectionResponse first = graph.users().get(request -> {
      request.queryParameters.select = new String[] {"id", "userPrincipalName", "displayName"};
      request.queryParameters.top = 500;
    });
    new PageIterator.Builder<User, UserCollectionResponse>()
        .client(graph)
        .collectionPage(first)
        .collectionPageFactory(UserCollectionResponse::createFromDiscriminatorValue)
        .processPageItemCallback(user -> {
          ids.add(user.getId());
          if (user.getUserPrincipalName() != null) {
            names[0]++;
          }
          return true;
        })
        .build()
        .iterate();

    Map<String, Object> report = new LinkedHashMap<>();
    report.put("ids", ids);
    report.put("names", names[0]);
    report.put("one", graph.users().byUserId(ids.get(0)).get().getId());
    report.put("count", graph.users().count().get(request -> request.headers.add("ConsistencyLevel", "eventual")));
    if (ENV.containsKey("MANAGERS")) {
      User alone = (User) graph.users().byUserId(ids.get(1)).manager().get();
      User expanded = (User) graph.users().byUserId(ids.get(1)).get(request -> request.queryParameters.expand = new String[] {"manager"}).getManager();
      if (!alone.getDisplayName().equals(expanded.getDisplayName())) {
        throw new IllegalStateException("the manager is somebody else when expanded");
      }
      report.put("managers", List.of(alone.getId(), expanded.getId()));
    }
    GraphServiceClient anonymous = client(new AnonymousAuthenticationProvider());
    report.put("refusals", List.of(
        refusal(() -> graph.users().byUserId(ENV.get("NOBODY")).get()),
        refusal(() -> graph.users().get(request -> request.queryParameters.select = new String[] {"shoeSize"})),
        refusal(() -> anonymous.users().get())));
    System.out.println(new Gson().toJson(report));
    System.exit(0); // the HTTP clients' threads would keep the process for a minute
  }

  private static GraphServiceClient client(AuthenticationProvider provider) {
    GraphServiceClient client = new GraphServiceClient(provider);
    if (ENV.containsKey("BASE_URL")) {
      client.getRequestAdapter().setBaseUrl(ENV.get("BASE_URL"));
    }
    return client;
  }

  private static String refusal(Runnable request) {
    try {
      request.run();
    } catch (ODataError error) {
      return error.getResponseStatusCode() + " " + error.getError().getCode();
    }
    return "none";
  }

  /** Vouches for the caller with a fixed token. */
  private static final class Caller implements AccessTokenProvider {
    private final AllowedHostsValidator hosts = new AllowedHostsValidator();

    @Override
    public String getAuthorizationToken(URI uri, Map<String, Object> context) {
      return ENV.get("CALLER_TOKEN");
    }

    @Override
    public AllowedHostsValidator getAllowedHostsValidator() {
      return hosts;
    }
  }
}
