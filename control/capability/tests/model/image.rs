//! Images of all capability spaces: taken as a whole, and kept up to date by what has changed.

use capability::{Capabilities, Changes, Image, SlotNumber};

/// The image of all.
pub(crate) fn of(capabilities: &Capabilities<u8>) -> Image<u8> {
    let spaces = (0..).map_while(|slot| Some((slot, capabilities.space_image(slot)?)));
    let mut image = Image { spaces: spaces.collect(), ..Image::default() };
    for space in image.spaces.keys() {
        let numbers = (0..).map(|slot| SlotNumber { space: *space, slot });
        image.slots.extend(numbers.map_while(|at| Some((at, capabilities.slot_image(at)?))));
    }
    image
}

/// Takes anew what has changed, and nothing else.
pub(crate) fn update(image: &mut Image<u8>, capabilities: &Capabilities<u8>, changes: &Changes) {
    for slot in &changes.spaces {
        image.spaces.remove(slot);
        image.spaces.extend(capabilities.space_image(*slot).map(|space| (*slot, space)));
    }
    for at in &changes.slots {
        image.slots.remove(at);
        image.slots.extend(capabilities.slot_image(*at).map(|slot| (*at, slot)));
    }
}
