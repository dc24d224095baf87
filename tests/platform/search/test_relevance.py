"""Of queries as people type them most lead to what they mean, among the first three."""

from typing import Any

import pytest

from tests.relevance import Labelled, relevance

pytestmark = pytest.mark.anyio

TASKS = {
    "Pay the rent": "Transfer 940 euros to the landlord by the first of the month.",
    "Book the dentist": "Annual check-up, ask about the wisdom tooth.",
    "Renew passport": "Photographs, old passport, 76 euros. The office opens at eight.",
    "Buy winter tyres": "205/55 R16, before the first snow.",
    "Apfelstrudel für Oma": "Äpfel, Rosinen, Zimt, Blätterteig. Bei 180 Grad backen.",
    "Käsespätzle kochen": "Mehl, Eier, Bergkäse, Zwiebeln rösten.",
    "Crème brûlée for Sunday": "Cream, egg yolks, sugar, vanilla; a blowtorch from the neighbours.",
    "Call the plumber": "The boiler is leaking again; pressure falls below one bar.",
    "Order firewood": "Three cubic metres of beech, split, delivered to the shed.",
    "Plan the trip to Lisbon": "Flights in May, the hotel in Alfama, tram 28, pastéis de nata.",
    "Piano lessons": "Tuesdays at five with Mrs Novak. Practise scales and the sonatina.",
    "Insurance claim": "Hail damage on the roof, photographs and the estimate of the roofer.",
    "Tax return 2023": "Income statements, donations, commuting. Deadline is the end of June.",
    "Garden in spring": "Prune the roses, sow tomatoes and peppers, repair the fence.",
    "Birthday present for Ben": "A bicycle bell, or the book about lighthouses.",
    "Repair the bicycle": "Brake pads, chain, and the rear light.",
    "Встреча Анны": "Обсудить договор и поездку в Прагу.",
    "東京旅行の計画": "新幹線の切符とホテルを予約する。",
    "Vaccinate the cat": "Booster against rabies; take the blue booklet along.",
    "Quarterly report": "Sales by region, costs of shipping, outlook for autumn.",
    "Meeting notes: kitchen renovation": "Oak worktop, induction hob, handles of brass. Start in August.",
    "Recipe: walnut bread": "Rye flour, sourdough, walnuts. Leave overnight, bake for fifty minutes.",
    "Recipe: lentil soup": "Red lentils, cumin, carrots and lemon.",
    "Library books": "Return The Leopard and the atlas of islands by Friday.",
    "Wi-Fi password for guests": "It stands on the back of the router, in the hall.",
}
QUERIES = [
    Labelled.of("rent", "Pay the rent"),
    Labelled.of("landlord", "Pay the rent"),
    Labelled.of("dent", "Book the dentist"),
    Labelled.of("dentists", "Book the dentist"),
    Labelled.of("wisdom teeth tooth", "Book the dentist", within=5),
    Labelled.of("passports", "Renew passport"),
    Labelled.of("pasport", "Renew passport"),
    Labelled.of("winter tires tyres", "Buy winter tyres", within=5),
    Labelled.of("tyre", "Buy winter tyres"),
    Labelled.of("strudel", "Apfelstrudel für Oma", within=3),
    Labelled.of("apfelstrudel fur oma", "Apfelstrudel für Oma"),
    Labelled.of("APFEL", "Apfelstrudel für Oma"),
    Labelled.of("kasespatzle", "Käsespätzle kochen"),
    Labelled.of("Käsespätzle", "Käsespätzle kochen"),
    Labelled.of("creme brulee", "Crème brûlée for Sunday"),
    Labelled.of("blowtorch", "Crème brûlée for Sunday"),
    Labelled.of("plumer", "Call the plumber"),
    Labelled.of("boiler leak", "Call the plumber"),
    Labelled.of("leaking boiler", "Call the plumber"),
    Labelled.of("firewod", "Order firewood"),
    Labelled.of("lisbon hotel", "Plan the trip to Lisbon"),
    Labelled.of("flight", "Plan the trip to Lisbon"),
    Labelled.of("pasteis", "Plan the trip to Lisbon"),
    Labelled.of("pian", "Piano lessons"),
    Labelled.of("lesson piano", "Piano lessons"),
    Labelled.of("hail", "Insurance claim"),
    Labelled.of("roof photos", "Insurance claim"),
    Labelled.of("tax 2023", "Tax return 2023"),
    Labelled.of("taxes", "Tax return 2023"),
    Labelled.of("donation", "Tax return 2023"),
    Labelled.of("tomato", "Garden in spring"),
    Labelled.of('"prune the roses"', "Garden in spring"),
    Labelled.of("ben birthday", "Birthday present for Ben"),
    Labelled.of("lighthouse", "Birthday present for Ben"),
    Labelled.of("bicycle", "Repair the bicycle", within=1),
    Labelled.of("bicycle -brake", "Birthday present for Ben", within=1),
    Labelled.of("bicylce", "Repair the bicycle"),
    Labelled.of("встреч", "Встреча Анны"),
    Labelled.of("прагу", "Встреча Анны"),
    Labelled.of("東京", "東京旅行の計画"),
    Labelled.of("新幹線", "東京旅行の計画"),
    Labelled.of("京東"),
    Labelled.of("cat", "Vaccinate the cat", within=1),
    Labelled.of("rabies vaccination", "Vaccinate the cat"),
    Labelled.of("quaterly report", "Quarterly report"),
    Labelled.of("shipping costs", "Quarterly report"),
    Labelled.of("renovate kitchen", "Meeting notes: kitchen renovation"),
    Labelled.of("oak", "Meeting notes: kitchen renovation"),
    Labelled.of("recipes", "Recipe: walnut bread", "Recipe: lentil soup", within=2),
    Labelled.of("recipe walnuts", "Recipe: walnut bread", within=1),
    Labelled.of("bread recipe", "Recipe: walnut bread", within=1),
    Labelled.of("lentils", "Recipe: lentil soup", within=1),
    Labelled.of("wifi wi-fi password", "Wi-Fi password for guests", within=5),
    Labelled.of("wi-fi", "Wi-Fi password for guests"),
    Labelled.of("islands", "Library books"),
    Labelled.of("helicopter"),
]
WANTED = 0.85


async def test_most_queries_lead_to_what_is_meant(ana: Any, deliver: Any, task: Any, titles: Any) -> None:
    for title, notes in TASKS.items():
        await task(ana, title=title, notes=notes)
    await deliver()

    async def ask(query: str) -> list[str]:
        found: list[str] = await titles(ana, query, limit=10)
        return found

    outcome = await relevance(ask, QUERIES)
    assert outcome.ratio >= WANTED, outcome.misses
