"""What a LiteLLM database has: its schema grew from 25 tables to more than a hundred within eighteen months.

Nothing here asks for a version.  A column that is not there reads as NULL, a table that is not there as empty, and
tables that are not read are named, with whether anything knows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glowplug.config.readers.foreign import Note, Outcome
from glowplug.errors import StoreError

PREFIX = "LiteLLM_"
HEART = "LiteLLM_VerificationToken"
"""The table without which a database is not LiteLLM's."""
NEEDED: Mapping[str, tuple[str, ...]] = {
    HEART: ("token",),
    "LiteLLM_UserTable": ("user_id",),
    "LiteLLM_TeamTable": ("team_id",),
    "LiteLLM_SpendLogs": ("request_id", "startTime", "spend"),
}
"""Table → columns that every era has; a database without them is broken or half-made."""
DAILY: Mapping[str, str] = {
    "user": "LiteLLM_DailyUserSpend",
    "team": "LiteLLM_DailyTeamSpend",
    "tag": "LiteLLM_DailyTagSpend",
    "organization": "LiteLLM_DailyOrganizationSpend",
    "end_user": "LiteLLM_DailyEndUserSpend",
    "agent": "LiteLLM_DailyAgentSpend",
}
"""Whose days they are → table; the column with the id is `user_id` … and `tag`."""
DAILY_KEY = ("date", "api_key", "model", "custom_llm_provider", "mcp_namespaced_tool_name", "endpoint")
"""What tells two daily rows of one entity apart, as far as the era has the columns."""
READ = frozenset(
    {
        *NEEDED,
        *DAILY.values(),
        "LiteLLM_ProxyModelTable",
        "LiteLLM_CredentialsTable",
        "LiteLLM_DeprecatedVerificationToken",
        "LiteLLM_ModelTable",
        "LiteLLM_TeamMembership",
        "LiteLLM_OrganizationTable",
        "LiteLLM_OrganizationMembership",
        "LiteLLM_BudgetTable",
        "LiteLLM_EndUserTable",
        "LiteLLM_TagTable",
        "LiteLLM_Config",
        "LiteLLM_AuditLog",
        "LiteLLM_DeletedVerificationToken",
        "LiteLLM_DeletedTeamTable",
    }
)
_KNOWN = frozenset(
    """AccessGroupTable AdaptiveRouterSession AdaptiveRouterState AgentIdentity AgentsTable AutoRouterBaselineComparison
    AutoRouterBaselineObservation AutoRouterDailySpend AutoRouterSession AutoRouterUserSession AccountingDelivery
    AccountingEvent BackgroundInteractionSettlement BudgetWindowSpend CacheConfig ClaudeCodePluginTable ConfigOverrides
    CronJob DailyGatewayFailedRequests DailyGatewayRequests DailyGlobalSpend DailyGuardrailMetrics
    DailyGuardrailUsageUnits DailyModelUsage DailyPolicyMetrics DailyRequestErrors DailyToolSpend
    ErrorLogs GuardrailsTable HealthCheckTable InvitationLink JWTKeyMapping Lens LensDataset
    LensIngestionKey LensReview LensRun LensSignalConfig LensTraceSignal LensWorker MCPServerOAuthClient MCPServerTable
    MCPToolsetTable MCPUserCredentials MCPUserEnvVars ManagedFileContentTable ManagedFileTable ManagedObjectTable
    ManagedVectorStoreIndexTable ManagedVectorStoreTable ManagedVectorStoresTable MemoryTable
    ModelAccessGroupBudgetTable ObjectPermissionTable PolicyAttachmentTable PolicyTable ProjectTable PromptTable
    ProxyWorkerHeartbeat RetiredAgent RetiredAgentIdentity SSOConfig SSOIdentityAssertion SearchToolsTable
    ShadowEvalAttempt ShadowEvalFunnel ShadowEvalJob SkillsTable SpendLogGuardrailIndex SpendLogToolIndex
    TelemetryReport ToolTable UISettings UserNotifications UserProviderCredentials VerifiedSubject WorkflowEvent
    WorkflowMessage WorkflowRun""".split()  # noqa: SIM905 - a list of eighty literals would be four screens
)
"""Other tables of its schema up to 1.109, without the prefix: nothing here holds what they hold."""


@dataclass(frozen=True)
class Wanted:
    """What is read of a table."""

    table: str
    key: tuple[str, ...]
    """Columns a row is known by; rows come in their order."""
    columns: tuple[str, ...]
    moments: tuple[str, ...] = ()
    """Columns with a time, given as seconds since 1970: all of LiteLLM's times are UTC, with or without saying so."""


@dataclass(frozen=True)
class Layout:
    """The tables of one database."""

    schema: str
    tables: Mapping[str, frozenset[str]]
    """LiteLLM's tables that may be read → their columns."""
    forbidden: frozenset[str] = frozenset()
    """LiteLLM's tables that the database's user may not read."""
    unique: Mapping[str, frozenset[frozenset[str]]] = field(default_factory=dict)
    """Table → the sets of columns that are unique in it."""

    def has(self, table: str, column: str = "") -> bool:
        columns = self.tables.get(table)
        return columns is not None and (not column or column in columns)

    @property
    def era(self) -> str:
        """About which version wrote the schema, for the report."""
        if self.has("LiteLLM_SpendLogs", "litellm_call_id"):
            return "1.100 or later"
        if self.has("LiteLLM_DeprecatedVerificationToken"):
            return "about 1.82"
        if self.has("LiteLLM_DailyUserSpend", "mcp_namespaced_tool_name"):
            return "about 1.77"
        return "1.72 or earlier"


def check_layout(layout: Layout, database: str) -> None:
    """Raises StoreError for a database that is not LiteLLM's, or not whole, or may not be read."""
    needed = set(NEEDED)
    if refused := sorted(needed & layout.forbidden):
        raise StoreError(
            f"the database's user may not read {', '.join(refused)} of {database}",
            hint=f'GRANT SELECT ON ALL TABLES IN SCHEMA "{layout.schema}" TO the user in the address',
            code="source_forbidden",
        )
    if not layout.has(HEART):
        raise StoreError(
            f"{database} has no tables of LiteLLM" + (f" in its schema {layout.schema}" if layout.schema else ""),
            hint="is it the database of LiteLLM's DATABASE_URL? Add ?schema=NAME when it has a schema of its own",
            code="source_not_litellm",
        )
    missing = [table for table in NEEDED if not layout.has(table)]
    missing += [
        f"{table}.{column}"
        for table, columns in NEEDED.items()
        for column in columns
        if layout.has(table) and not layout.has(table, column)
    ]
    if missing:
        raise StoreError(
            f"{database} is not whole: {', '.join(missing)} is missing",
            hint="let LiteLLM finish its migrations first (litellm --use_prisma_migrate), or import a backup of it",
            code="source_incomplete",
        )


def unread_notes(layout: Layout, filled: frozenset[str]) -> list[Note]:
    """Tables with rows (`filled`) that nothing reads, and unique keys that are older than their table."""
    notes = []
    for table in sorted(filled - READ):
        if table.removeprefix(PREFIX) in _KNOWN:
            notes.append(Note(Outcome.LEFT, table, "a table with rows", "nothing here holds what it holds"))
        else:
            notes.append(
                Note(
                    Outcome.LEFT,
                    table,
                    "a table with rows that no known version of LiteLLM has",
                    "nobody knows what it means",
                    "look at it before the old installation is thrown away",
                )
            )
    notes += [
        Note(Outcome.LEFT, table, "a table that may not be read", "the database's user has no right to it")
        for table in sorted(layout.forbidden)
    ]
    return notes + _stale_keys(layout)


def _stale_keys(layout: Layout) -> list[Note]:
    """An index that kept its name while the columns it should have grew: every flush that meets it fails."""
    notes = []
    for entity, table in DAILY.items():
        column = "tag" if entity == "tag" else f"{entity}_id"
        expected = frozenset({column, *DAILY_KEY} & layout.tables.get(table, frozenset()))
        keys = {key for key in layout.unique.get(table, frozenset()) if column in key}
        if keys and expected not in keys:
            lacking = ", ".join(sorted(expected - max(keys, key=len)))
            notes.append(
                Note(
                    Outcome.CHANGED,
                    table,
                    f"its unique key lacks {lacking}",
                    "LiteLLM lost usage there (P2002), so its days are compared with the logs",
                )
            )
    return notes
