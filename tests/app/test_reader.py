"""The reader's name is chosen once, kept by the browser, and is shown beside what was read."""

from playwright.sync_api import expect

NAME = "Dr. Zoë Ōe; 1=2"


def choose(page, name: str) -> None:
    page.get_by_role("textbox", name="Reader").fill(name)
    page.get_by_role("button", name="Read under this name").click()
    expect(page.get_by_test_id("stSidebar")).to_contain_text(f"Reader: {name}")


def test_the_name_is_kept_over_refresh_tab_and_page(dashboard, browser) -> None:
    """A name chosen on one page is there after a refresh, on another page and in another tab, until it is changed."""
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(dashboard.address)
    choose(tab, NAME)
    tab.wait_for_function("document.cookie.includes('pneumodesk_reader=Dr')")
    tab.reload()
    expect(tab.get_by_test_id("stSidebar")).to_contain_text(f"Reader: {NAME}")
    other = context.new_page()
    other.goto(f"{dashboard.address}/triage")
    expect(other.get_by_test_id("stSidebar")).to_contain_text(f"Reader: {NAME}")
    other.get_by_role("button", name="Change").click()
    choose(other, "Nurse Lee")
    other.wait_for_function("document.cookie.includes('Nurse')")
    tab.reload()
    expect(tab.get_by_test_id("stSidebar")).to_contain_text("Reader: Nurse Lee")
    context.close()


def test_a_batch_names_its_reader(dashboard, browser) -> None:
    """The batch of synthetic images is under the name of who began it."""
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(dashboard.address)
    choose(tab, "Nurse Lee")
    tab.get_by_role("button", name="Try synthetic images").click()
    tab.get_by_text("Completed:").wait_for()
    tab.get_by_text("Provenance").click()
    expect(tab.get_by_test_id("stMain")).to_contain_text("Nurse Lee")
    context.close()
