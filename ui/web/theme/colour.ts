/** A colour of the theme as canvases take it, e.g. `rgb(22, 32, 44)`. @param name of the custom property, e.g. `--ink` */
export function colour(name: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
