"""For each kind of tool payloads that say all that its connector claims to tell rules of scope, and what they say."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.sources.scope import Fact
from models.sources.slack import SOURCE as SLACK
from tests.models.sources.examples import payload_of

Facts = Mapping[Fact, str]
"""What a payload says, by fact; of spam "true" or "false", of tags one of them."""


@dataclass(frozen=True, slots=True)
class Case:
    """A customer's message as a tool sends it, and what it says; `settings` are those of its source."""

    kind: str
    payload: dict
    says: Facts
    headers: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)


TAGGED = {"plan_tag_prefix": "plan_", "area_tag_prefix": "area/"}


def _zendesk() -> list[Case]:
    event = payload_of("zendesk.event_ticket_created")
    event["detail"]["tags"].append("area/export")
    trigger = payload_of("zendesk.trigger_template")
    more = {"brand": "Acme", "group": "Billing", "form": "Bugs", "spam": "no"}
    return [
        Case(
            "zendesk",
            event,
            {
                Fact.BRAND: "8800000000201",
                Fact.GROUP: "8800000000501",
                Fact.FORM: "8800000000401",
                Fact.TAG: "export",
                Fact.CHANNEL: "email",
                Fact.PLAN: "business",
                Fact.PRODUCT_AREA: "export",
                Fact.ACCOUNT: "8800000000601",
            },
            settings=TAGGED,
        ),
        Case(
            "zendesk",
            {**trigger, **more},
            {
                Fact.BRAND: "Acme",
                Fact.GROUP: "Billing",
                Fact.FORM: "Bugs",
                Fact.TAG: "export",
                Fact.CHANNEL: "email",
                Fact.LANGUAGE: "en",
                Fact.PLAN: "business",
                Fact.PRODUCT_AREA: "export",
                Fact.ACCOUNT: "acct_1042",
                Fact.SPAM: "false",
                Fact.DOMAIN: "example.com",
            },
        ),
    ]


def _intercom() -> list[Case]:
    opened = payload_of("intercom.conversation_user_created")
    item = opened["data"]["item"]
    item |= {"team_assignee_id": "814865", "brand": {"id": "7", "name": "Acme"}, "company_id": "6762f0"}
    item["tags"]["tags"] = [{"type": "tag", "id": "1", "name": "login"}]
    item["custom_attributes"] |= {"Plan": "Pro", "Language": "en"}
    ticket = payload_of("intercom.conversation_user_created")
    ticket["topic"] = "ticket.created"
    ticket["data"]["item"] = {
        "type": "ticket",
        "id": "495",
        "category": "Customer",
        "created_at": item["created_at"],
        "ticket_type": {"type": "ticket_type", "id": "3", "name": "Bug report"},
        "ticket_attributes": {"_default_title_": "Logged out", "Company": "Acme Ltd", "Brand": "Acme"},
        "contacts": item["contacts"],
    }
    return [
        Case(
            "intercom",
            opened,
            {
                Fact.BRAND: "Acme",
                Fact.GROUP: "814865",
                Fact.TAG: "login",
                Fact.CHANNEL: "chat",
                Fact.LANGUAGE: "en",
                Fact.PRODUCT_AREA: "Mobile app",
                Fact.PLAN: "Pro",
                Fact.ACCOUNT: "6762f0",
                Fact.DOMAIN: "example.com",
            },
        ),
        Case("intercom", ticket, {Fact.FORM: "Bug report", Fact.ACCOUNT: "Acme Ltd", Fact.BRAND: "Acme"}),
    ]


def _freshdesk() -> list[Case]:
    simple = payload_of("freshdesk.automation_ticket")
    simple["freshdesk_webhook"] |= {
        "ticket_group_name": "Billing",
        "ticket_product_name": "Acme Pro",
        "ticket_ticket_type": "Problem",
        "ticket_cf_plan": "team",
        "ticket_contact_language": "en",
        "ticket_spam": False,
    }
    says: Facts = {
        Fact.BRAND: "Acme Pro",
        Fact.GROUP: "Billing",
        Fact.FORM: "Problem",
        Fact.TAG: "vat",
        Fact.CHANNEL: "email",
        Fact.LANGUAGE: "en",
        Fact.PRODUCT_AREA: "Acme Pro",
        Fact.PLAN: "team",
        Fact.ACCOUNT: "Example Bakery",
        Fact.SPAM: "false",
        Fact.DOMAIN: "example.com",
    }
    return [Case("freshdesk", simple, says)]


def _front() -> list[Case]:
    event = payload_of("front.rule_inbound")
    event["conversation"]["tags"] = [{"name": "refund"}]
    event["conversation"]["custom_fields"] = {
        "Plan": "Team", "Account ID": "acct_7", "Area": "Billing", "Brand": "Acme", "Request type": "Refund",
        "Language": "en",
    }  # fmt: skip
    says: Facts = {
        Fact.BRAND: "Acme",
        Fact.GROUP: "Billing",
        Fact.FORM: "Refund",
        Fact.TAG: "refund",
        Fact.CHANNEL: "email",
        Fact.LANGUAGE: "en",
        Fact.PRODUCT_AREA: "Billing",
        Fact.PLAN: "Team",
        Fact.ACCOUNT: "acct_7",
        Fact.SPAM: "false",
        Fact.DOMAIN: "example.com",
    }
    return [Case("front", event, says, settings={"signature": "front_rule"})]


def _helpscout() -> list[Case]:
    event = payload_of("helpscout.convo_customer_reply")
    fields = {"Plan": "Team", "Account": "acct_5", "Area": "Invites", "Brand": "Acme", "Form": "Contact"}
    event["customFields"] = [
        {"name": name, "text": text} for name, text in (*fields.items(), ("Locale", "en"))
    ]
    says: Facts = {
        Fact.BRAND: "Acme",
        Fact.GROUP: "301",
        Fact.FORM: "Contact",
        Fact.TAG: "invites",
        Fact.CHANNEL: "email",
        Fact.LANGUAGE: "en",
        Fact.PRODUCT_AREA: "Invites",
        Fact.PLAN: "Team",
        Fact.ACCOUNT: "acct_5",
        Fact.SPAM: "false",
        Fact.DOMAIN: "example.com",
    }
    return [Case("helpscout", event, says, {"X-HelpScout-Event": "convo.customer.reply.created"})]


def _jira() -> list[Case]:
    event = payload_of("jira.issue_created_jsm")
    fields = event["issue"]["fields"]
    fields["customfield_10010"] = {"requestType": {"id": "5", "name": "Report a problem"}}
    fields["labels"].append("plan_team")
    fields["reporter"]["emailAddress"] = "customer71@example.com"
    says: Facts = {
        Fact.GROUP: "HELP",
        Fact.FORM: "Report a problem",
        Fact.TAG: "performance",
        Fact.CHANNEL: "jira",
        Fact.PRODUCT_AREA: "Dashboard",
        Fact.PLAN: "team",
        Fact.ACCOUNT: "77",
        Fact.DOMAIN: "example.com",
    }
    plain = payload_of("jira.issue_created_jsm")
    plain["issue"] |= {"id": "10472"}
    return [
        Case("jira", event, says, {"X-Atlassian-Webhook-Identifier": "one"}, {"plan_tag_prefix": "plan_"}),
        Case("jira", plain, {Fact.FORM: "Incident"}, {"X-Atlassian-Webhook-Identifier": "two"}),
    ]


def _github() -> list[Case]:
    event = payload_of("github.issues_opened")
    event["issue"]["type"] = {"id": 1, "name": "Bug"}
    event["issue"]["labels"].append({"name": "plan_team"})
    says: Facts = {
        Fact.BRAND: "example-org/brightlane",
        Fact.FORM: "Bug",
        Fact.TAG: "area/import",
        Fact.CHANNEL: "github",
        Fact.PRODUCT_AREA: "import",
        Fact.PLAN: "team",
    }
    return [Case("github", event, says, {"X-GitHub-Event": "issues", "X-GitHub-Delivery": "d1"}, TAGGED)]


def _slack() -> list[Case]:
    event = payload_of("slack.message_channel")
    event["is_ext_shared_channel"] = True
    event["event"] |= {"user_team": "T0THEIRS"}
    says: Facts = {
        Fact.BRAND: "T0EXAMPLE",
        Fact.GROUP: "C0FEEDBACK",
        Fact.CHANNEL: SLACK.kind,
        Fact.ACCOUNT: "T0THEIRS",
    }
    return [Case("slack", event, says)]


def _linear() -> list[Case]:
    need, issue = payload_of("linear.customer_need_create"), payload_of("linear.issue_create")
    need["data"]["issue"]["team"] = {"id": "t1", "key": "SUP", "name": "Support"}
    issue["data"]["labels"].append({"name": "plan_team"})
    return [
        Case(
            "linear",
            need,
            {
                Fact.GROUP: "Support",
                Fact.CHANNEL: "linear",
                Fact.ACCOUNT: "77777777-0000-4000-8000-000000000001",
                Fact.DOMAIN: "freight.example.com",
            },
            {"Linear-Delivery": "1"},
        ),
        Case(
            "linear",
            issue,
            {
                Fact.GROUP: "Support",
                Fact.TAG: "webhooks",
                Fact.CHANNEL: "linear",
                Fact.PRODUCT_AREA: "Integrations",
                Fact.PLAN: "team",
            },
            {"Linear-Delivery": "2"},
            {"plan_tag_prefix": "plan_"},
        ),
    ]


def _discourse() -> list[Case]:
    post = payload_of("discourse.post_created")
    post["post"]["locale"] = "en"
    headers = {"X-Discourse-Instance": "https://forum.example.com", "X-Discourse-Event-Type": "post"}
    says: Facts = {
        Fact.BRAND: "forum.example.com",
        Fact.GROUP: "ui",
        Fact.CHANNEL: "forum",
        Fact.LANGUAGE: "en",
        Fact.PRODUCT_AREA: "ui",
    }
    topic = {"id": 901, "title": "Dark mode", "tags": ["charts", "plan_team"], "archetype": "regular"}
    return [
        Case(
            "discourse",
            post,
            says,
            {**headers, "X-Discourse-Event": "post_created", "X-Discourse-Event-Id": "1"},
        ),
        Case(
            "discourse",
            {"topic": topic},
            {Fact.TAG: "charts", Fact.PLAN: "team"},
            {**headers, "X-Discourse-Event": "topic_edited", "X-Discourse-Event-Id": "2"},
            {"plan_tag_prefix": "plan_"},
        ),
    ]


def _typeform() -> list[Case]:
    event = payload_of("typeform.form_response_nps")
    event["form_response"]["hidden"] |= {
        "brand": "Acme", "team": "Billing", "tags": "beta, q1", "email": "customer@example.com",
    }  # fmt: skip
    says: Facts = {
        Fact.BRAND: "Acme",
        Fact.GROUP: "Billing",
        Fact.FORM: "exFoRm1",
        Fact.TAG: "q1",
        Fact.CHANNEL: "survey",
        Fact.LANGUAGE: "pt",
        Fact.PRODUCT_AREA: "Reports",
        Fact.PLAN: "enterprise",
        Fact.ACCOUNT: "acct_22",
        Fact.DOMAIN: "example.com",
    }
    return [Case("typeform", event, says)]


ENTRY = {
    "id": "T-1", "created_at": "2026-03-02T09:14:58Z", "text": "Login loops after SSO.", "brand": "Acme",
    "team": "Billing", "form": {"name": "Contact"}, "labels": ["login"], "via": "phone", "locale": "en-GB",
    "component": "login", "tier": "pro", "organization_id": "acct_1", "is_spam": "no",
    "email": "customer@example.com",
}  # fmt: skip
SAID: Facts = {
    Fact.BRAND: "Acme",
    Fact.GROUP: "Billing",
    Fact.FORM: "Contact",
    Fact.TAG: "login",
    Fact.CHANNEL: "phone",
    Fact.LANGUAGE: "en",
    Fact.PRODUCT_AREA: "login",
    Fact.PLAN: "pro",
    Fact.ACCOUNT: "acct_1",
    Fact.SPAM: "false",
    Fact.DOMAIN: "example.com",
}


def cases() -> list[Case]:
    """Return the cases of every kind."""
    own = [
        Case("generic_json", ENTRY, SAID),
        Case("standardwebhooks", {"type": "feedback.created", "data": ENTRY}, SAID, {"webhook-id": "m1"}),
    ]
    makers = (
        _zendesk, _intercom, _freshdesk, _front, _helpscout, _jira, _github, _slack, _linear, _discourse,
        _typeform,
    )  # fmt: skip
    return [*own, *(case for make in makers for case in make())]


def body_of(case: Case) -> bytes:
    """Write a case's payload."""
    return json.dumps(case.payload).encode()


def pulled() -> list[Case]:
    """Return a record of each tool that can be pulled, as its API gives it, and what it says."""
    (event, _), (opened, _), (issue,) = _zendesk(), _intercom(), _github()
    detail = event.payload["detail"]
    ticket = {**detail, "ticket_form_id": detail["form_id"], "id": 41207}
    person = {"id": detail["requester_id"], "role": "end-user", "email": "ann@example.com", "locale": "en-US"}
    listed = {
        **issue.payload["issue"],
        "repository_url": "https://api.github.com/repos/example-org/brightlane",
    }
    zendesk = {"ticket": ticket, "users": [person], "comments": []}
    return [
        Case("zendesk", zendesk, {**event.says, Fact.LANGUAGE: "en", Fact.DOMAIN: "example.com"}, {}, TAGGED),
        Case("intercom", opened.payload["data"]["item"], opened.says),
        Case("github", {"issue": listed, "comments": []}, issue.says, {}, TAGGED),
    ]
