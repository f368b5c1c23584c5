/**
 * File formats that show a run to people: event files for TensorBoard, pictures of images and of filters.
 *
 * @module
 */

export {
  type ContactSheet,
  drawContactSheet,
  encodePng,
  type Picture,
} from "./contact_sheet.ts";
export {
  drawFilters,
  type FilterPictureOptions,
  type Kernel,
} from "./filter_picture.ts";
export { EventWriter, type EventWriterOptions } from "./tensorboard.ts";
