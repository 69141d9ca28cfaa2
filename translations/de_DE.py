"""German translation, in artists' words and the terms of Blender's own German interface."""

MESSAGES = {
    # Batches
    "Import Batch (TripoSR)": "Stapel importieren (TripoSR)",
    "Import Batch": "Stapel importieren",
    "Import the objects of a batch in a grid, with all that refining and texturing them needs": (
        "Die Objekte eines Stapels in einem Raster importieren, mit allem, was zum Verfeinern und "
        "Texturieren nötig ist"
    ),
    "TripoSR Batch ({ending})": "TripoSR-Stapel ({ending})",
    "Matches From": "Übereinstimmung von",
    "Import only objects that match their pictures at least this well; 0 includes those whose match is not known": (  # noqa: E501
        "Nur Objekte importieren, die mit ihren Bildern mindestens so gut übereinstimmen; 0 "
        "schließt die ein, von denen das nicht bekannt ist"
    ),
    "Matches To": "Übereinstimmung bis",
    "Import only objects that match their pictures at most this well. Lower it to look at the poorest ones": (  # noqa: E501
        "Nur Objekte importieren, die mit ihren Bildern höchstens so gut übereinstimmen. Kleiner "
        "stellen, um die schlechtesten anzusehen"
    ),
    "Maximum": "Maximum",
    "Largest number of objects to import": "Größte Anzahl der Objekte, die importiert werden",
    "Cancel Import (TripoSR)": "Import abbrechen (TripoSR)",
    "Stop importing the batch; nothing is added to the scene": (
        "Den Import des Stapels anhalten; der Szene wird nichts hinzugefügt"
    ),
    "No batch is being imported": "Es wird gerade kein Stapel importiert",
    "Wait until the batch is imported, or cancel that": (
        "Warten, bis der Stapel importiert ist, oder das abbrechen"
    ),
    "Reading the index": "Index wird gelesen",
    "Importing objects": "Objekte werden importiert",
    "1 object": "1 Objekt",
    "{count:,} objects": "{count:,} Objekte",
    "{summary}, {count:,} more left out by Maximum": (
        "{summary}, weitere {count:,} wegen Maximum ausgelassen"
    ),
    "{summary}; 1 picture failed: {reason}": "{summary}; 1 Bild ist gescheitert: {reason}",
    "{summary}; {count:,} pictures failed, the first: {reason}": (
        "{summary}; {count:,} Bilder sind gescheitert, das erste: {reason}"
    ),
    "{summary}; 1 object cannot be read: {reason}": (
        "{summary}; 1 Objekt ist nicht lesbar: {reason}"
    ),
    "{summary}; {count:,} objects cannot be read, the first: {reason}": (
        "{summary}; {count:,} Objekte sind nicht lesbar, das erste: {reason}"
    ),
    "{summary}; without a scene code, which Refine needs: {count:,}": (
        "{summary}; ohne den Szenencode, den Verfeinern braucht: {count:,}"
    ),
    "{summary}; damaged lines in the index: {count:,}": (
        "{summary}; beschädigte Zeilen im Index: {count:,}"
    ),
    "There is no {name} in {folder}": "In {folder} gibt es kein {name}",
    "Choose the folder that the batch was written to": (
        "Den Ordner wählen, in den der Stapel geschrieben wurde"
    ),
    "{folder} is not the folder of a batch: {name} is missing or damaged": (
        "{folder} ist nicht der Ordner eines Stapels: {name} fehlt oder ist beschädigt"
    ),
    "The batch has format {format}, and this version reads format {known}": (
        "Der Stapel hat Format {format}, und diese Version liest Format {known}"
    ),
    "Install the version of the add-on that made the batch": (
        "Die Version des Add-ons installieren, die den Stapel erzeugt hat"
    ),
    "The batch has one picture, which failed: {reason}": (
        "Der Stapel hat ein Bild, und das ist gescheitert: {reason}"
    ),
    "All {count:,} pictures of the batch failed: {reason}": (
        "Alle {count:,} Bilder des Stapels sind gescheitert: {reason}"
    ),
    "Correct that, and run the batch again": "Das beheben und den Stapel noch einmal ausführen",
    "The objects were made with other settings than {name} has": (
        "Die Objekte sind mit anderen Einstellungen entstanden, als in {name} stehen"
    ),
    "Run the batch again into an empty folder": (
        "Den Stapel noch einmal in einen leeren Ordner ausführen"
    ),
    "Check the disk or the network, and try again": (
        "Datenträger oder Netzwerk prüfen und noch einmal versuchen"
    ),
    "{name} is not the index of a batch": "{name} ist nicht der Index eines Stapels",
    "Choose the index.jsonl that the batch has written": (
        "Die index.jsonl wählen, die der Stapel geschrieben hat"
    ),
    "The index {name} is empty": "Der Index {name} ist leer",
    "Run the batch again": "Den Stapel noch einmal ausführen",
    "No object of the batch has a match from {low:.0%} to {high:.0%}": (
        "Kein Objekt des Stapels hat eine Übereinstimmung von {low:.0%} bis {high:.0%}"
    ),
    "Choose wider limits": "Weitere Grenzen wählen",
    "{name} lies outside of the batch's folder": "{name} liegt außerhalb des Ordners des Stapels",
    "A file without a name": "Eine Datei ohne Namen",
    "Import only batches that were written by the batch command": (
        "Nur Stapel importieren, die der Stapelbefehl geschrieben hat"
    ),
    "{name} is missing or damaged": "{name} fehlt oder ist beschädigt",
    "An undo has removed what was imported so far": (
        "Ein Rückgängigmachen hat entfernt, was bisher importiert war"
    ),
    "Import the batch again": "Den Stapel noch einmal importieren",
    "None of the objects can be read: {reason}": "Keines der Objekte ist lesbar: {reason}",
    # The tab in the sidebar: the picture, the button, what becomes of it
    "Image to 3D": "Bild zu 3D",
    "Picture": "Bild",
    "Picture of one object to build in 3D": (
        "Bild eines einzelnen Objekts, das in 3D entstehen soll"
    ),
    "Open, paste or drop a picture to begin": ("Bild öffnen, einfügen oder ablegen"),
    "Generate": "Erzeugen",
    "TripoSR Colors": "TripoSR-Farben",
    "Add to Queue": "In die Warteschlange",
    "Cancel All": "Alle abbrechen",
    "Generate 3D Mesh (TripoSR)": "3D-Mesh erzeugen (TripoSR)",
    "Build a colored 3D mesh from the picture, on this machine": (
        "Aus dem Bild auf diesem Rechner ein farbiges 3D-Mesh bauen"
    ),
    "Cancel Generating (TripoSR)": "Erzeugen abbrechen (TripoSR)",
    "Stop generating from the current picture; nothing is added to the scene": (
        "Das Erzeugen aus dem aktuellen Bild anhalten; der Szene wird nichts hinzugefügt"
    ),
    "Stop generating from the current picture, and remove the waiting ones from the queue": (
        "Das Erzeugen aus dem aktuellen Bild anhalten und die wartenden aus der Warteschlange "
        "nehmen"
    ),
    "Everything": "Alles",
    "Also remove the waiting pictures from the queue": (
        "Auch die wartenden Bilder aus der Warteschlange nehmen"
    ),
    "Nothing is being generated": "Es wird gerade nichts erzeugt",
    "Dismiss": "Ausblenden",
    "Hide this message": "Diese Meldung ausblenden",
    "Wait until the render is done": "Warten, bis das Rendern fertig ist",
    "Model: Starter (Draft)": "Modell: Startmodell (Entwurf)",
    "Model: TripoSR": "Modell: TripoSR",
    "Download TripoSR, {size:.1f} GB": "TripoSR herunterladen, {size:.1f} GB",
    # What is on its way
    "Starting": "Wird gestartet",
    "Canceling": "Wird abgebrochen",
    "Loading the model": "Modell wird geladen",
    "Removing the background": "Hintergrund wird entfernt",
    "Reading the picture": "Bild wird gelesen",
    "Extracting the surface": "Oberfläche wird extrahiert",
    "Coloring": "Farben werden berechnet",
    "Matching the picture": "Vergleich mit dem Bild",
    "Downloading": "Wird heruntergeladen",
    "Verifying": "Wird geprüft",
    "Converting": "Wird konvertiert",
    "Copying": "Wird kopiert",
    "Reading the clipboard": "Zwischenablage wird gelesen",
    "Updating the preview": "Vorschau wird aktualisiert",
    "Looking for devices": "Geräte werden gesucht",
    "Looking for models": "Modelle werden gesucht",
    "{done:,.0f} of {size:,.0f} MB": "{done:,.0f} von {size:,.0f} MB",
    "{size:.1f} GB": "{size:.1f} GB",
    "{size:,.0f} MB": "{size:,.0f} MB",
    "{done:.2f} of {size:.2f} GB": "{done:.2f} von {size:.2f} GB",
    "{amount}, {rate:.1f} MB/s, {minutes}:{seconds:02} left": (
        "{amount}, {rate:.1f} MB/s, noch {minutes}:{seconds:02}"
    ),
    # What came of it
    "{name}: {count:,} triangles": "{name}: {count:,} Dreiecke",
    "{name}: draft of {count:,} triangles": "{name}: Entwurf mit {count:,} Dreiecken",
    "{summary} in {seconds:.1f}\N{NO-BREAK SPACE}s": (
        "{summary} in {seconds:.1f}\N{NO-BREAK SPACE}s"
    ),
    "{summary}; {remark}": "{summary}; {remark}",
    "it is cut off by the model's box": "die Box des Modells schneidet es ab",
    "the picture has changed since the object was first made": (
        "das Bild hat sich geändert, seit das Objekt entstanden ist"
    ),
    "{title}: canceled": "{title}: abgebrochen",
    "{title}: canceled, because another file was opened": (
        "{title}: abgebrochen, weil eine andere Datei geöffnet wurde"
    ),
    "{title} and {count} more: canceled, because another file was opened": (
        "{title} und {count} weitere: abgebrochen, weil eine andere Datei geöffnet wurde"
    ),
    "Generate 3D Mesh": "3D-Mesh erzeugen",
    "Error": "Fehler",
    "{message}. {hint}.": "{message}. {hint}.",
    "Unexpected error: {kind}: {error}": "Unerwarteter Fehler: {kind}: {error}",
    "See Blender's console for the details, and report them": (
        "Einzelheiten stehen in Blenders Konsole; bitte melden"
    ),
    # The queue
    "{title}, {number} of {total}": "{title}, {number} von {total}",
    "{done} of {total} pictures are done": "{done} von {total} Bildern sind fertig",
    "These pictures failed": "Diese Bilder sind fehlgeschlagen",
    "Retry": "Wiederholen",
    "Retry All": "Alle wiederholen",
    "Move Waiting Picture (TripoSR)": "Wartendes Bild verschieben (TripoSR)",
    "Move this picture up or down in the queue": (
        "Dieses Bild in der Warteschlange nach oben oder unten verschieben"
    ),
    "Remove Waiting Picture (TripoSR)": "Wartendes Bild entfernen (TripoSR)",
    "Remove this picture from the queue": "Dieses Bild aus der Warteschlange nehmen",
    "No picture is waiting": "Es wartet kein Bild",
    "Retry Picture (TripoSR)": "Bild wiederholen (TripoSR)",
    "Try failed pictures again, with the same settings": (
        "Fehlgeschlagene Bilder mit denselben Einstellungen noch einmal versuchen"
    ),
    "No picture has failed": "Kein Bild ist fehlgeschlagen",
    # The preview, and what is odd about a picture
    "Preview": "Vorschau",
    "Cut-Out": "Freigestellt",
    "Network Sees": "Netzwerk sieht",
    "Refresh Preview (TripoSR)": "Vorschau auffrischen (TripoSR)",
    "Update the preview of the picture and its matte": (
        "Die Vorschau des Bilds und seiner Maske auffrischen"
    ),
    "Fix the Picture (TripoSR)": "Bild verbessern (TripoSR)",
    "Fix this problem": "Dieses Problem beheben",
    "Edit Matte": "Maske bearbeiten",
    "Edit Painted Matte": "Gemalte Maske bearbeiten",
    "Paint away the parts that touch the picture's edge": "Wegmalen, was den Bildrand berührt",
    "Open Another Picture": "Anderes Bild öffnen",
    "Choose a picture in which the subject is larger": (
        "Ein Bild wählen, auf dem das Motiv größer ist"
    ),
    "Keep only the largest part": "Nur den größten Teil behalten",
    "Remove Background": "Hintergrund entfernen",
    "Treat the picture's background as plain": "Den Hintergrund des Bilds als einfarbig behandeln",
    "Use the Whole Picture": "Ganzes Bild verwenden",
    "Do not remove the background": "Den Hintergrund nicht entfernen",
    "Part of the subject may be its shadow": "Ein Teil des Motivs ist vielleicht sein Schatten",
    "Paint away the shadow": "Den Schatten wegmalen",
    "The subject is cut off at the {edges}": "Das Motiv ist {edges} abgeschnitten",
    "top": "oben",
    "bottom": "unten",
    "left": "links",
    "right": "rechts",
    "{these} and {that}": "{these} und {that}",
    "There are {count} separate subjects": "Es gibt {count} getrennte Motive",
    "The subject is only {side} pixels large": "Das Motiv ist nur {side} Pixel groß",
    "Nearly the whole picture is taken for the subject": "Fast das ganze Bild gilt als Motiv",
    # The matte
    "Matte": "Maske",
    "Painted mask that replaces the Background setting: white is the subject": (
        "Gemalte Maske, die die Einstellung „Hintergrund“ ersetzt: Weiß ist das Motiv"
    ),
    "Edit Matte (TripoSR)": "Maske bearbeiten (TripoSR)",
    "Paint what belongs to the subject: white keeps, black removes": (
        "Malen, was zum Motiv gehört: Weiß bleibt, Schwarz fällt weg"
    ),
    "Remove Matte (TripoSR)": "Maske entfernen (TripoSR)",
    "Discard the painted matte, and cut out the subject with the Background setting": (
        "Die gemalte Maske verwerfen und das Motiv freistellen, wie es unter „Hintergrund“ "
        "eingestellt ist"
    ),
    "Open a picture first": "Zuerst ein Bild öffnen",
    # Options
    "Options": "Optionen",
    "TripoSR Presets": "TripoSR-Voreinstellungen",
    "Draft": "Entwurf",
    "Standard": "Standard",
    "Detailed": "Detailliert",
    "3D Print": "3D-Druck",
    "Add Preset (TripoSR)": "Voreinstellung hinzufügen (TripoSR)",
    "Save the settings under a name, or remove the preset of that name": (
        "Die Einstellungen unter einem Namen sichern oder die Voreinstellung dieses Namens "
        "entfernen"
    ),
    "Background": "Hintergrund",
    "How to separate the subject from its background": (
        "Wie das Motiv von seinem Hintergrund getrennt wird"
    ),
    "Automatic": "Automatisch",
    "Use the picture's own transparency if it has any, else an installed matting model, else a "
    "method for plain backgrounds": (
        "Die Transparenz des Bilds, wenn es welche hat, sonst ein installiertes Freistellmodell, "
        "sonst ein Verfahren für einfarbige Hintergründe"
    ),
    "Transparency": "Transparenz",
    "Use the picture's own alpha channel": "Den Alphakanal des Bilds verwenden",
    "Matting Model": "Freistellmodell",
    "Let a network cut out the subject": "Ein Netzwerk das Motiv freistellen lassen",
    "Plain Background": "Einfarbiger Hintergrund",
    "Remove a background of one color or a soft gradient": (
        "Einen Hintergrund aus einer Farbe oder einem sanften Verlauf entfernen"
    ),
    "None": "Keine",
    "Use the whole picture; it should show its subject on middle gray": (
        "Das ganze Bild verwenden; es sollte sein Motiv auf mittlerem Grau zeigen"
    ),
    "Network that cuts out the subject": "Netzwerk, das das Motiv freistellt",
    "Best Installed": "Bestes installiertes",
    "The best matting model on this machine": "Das beste Freistellmodell auf diesem Rechner",
    "Keep Largest": "Größtes behalten",
    "Keep only the largest part of the subject": "Nur den größten Teil des Motivs behalten",
    "Foreground": "Vordergrund",
    "Foreground Ratio": "Vordergrundanteil",
    "Share of the network's square picture that the subject fills. Try another value if the "
    "shape comes out too flat or too deep": (
        "Anteil des quadratischen Netzwerkbilds, den das Motiv füllt. Einen anderen Wert "
        "versuchen, wenn die Form zu flach oder zu tief wird"
    ),
    "Resolution": "Auflösung",
    "Sampling points per axis. More points give finer detail, but take more time and memory": (
        "Abtastpunkte je Achse. Mehr Punkte ergeben feinere Details, brauchen aber mehr Zeit und "
        "Speicher"
    ),
    "Threshold": "Schwellwert",
    "Density Threshold": "Dichteschwellwert",
    "Density at which the surface lies. Raise it to remove haze around the object; lower it to "
    "keep thin parts": (
        "Dichte, bei der die Oberfläche liegt. Höher, um Dunst um das Objekt zu entfernen, "
        "niedriger, um dünne Teile zu behalten"
    ),
    "Close at Box": "An Box schließen",
    "Close the mesh where the model's box cuts it off, as 3D printing requires": (
        "Das Mesh schließen, wo die Box des Modells es abschneidet, wie es 3D-Druck braucht"
    ),
    # Placement
    "Placement": "Platzierung",
    "Size": "Größe",
    "Size of the new object, along the side that Measure selects": (
        "Größe des neuen Objekts, entlang der Seite, die „Maß“ angibt"
    ),
    "Measure": "Maß",
    "Side of the new object that Size refers to": (
        "Seite des neuen Objekts, auf die sich „Größe“ bezieht"
    ),
    "Longest Side": "Längste Seite",
    "The longest of width, depth and height": "Die längste von Breite, Tiefe und Höhe",
    "Height": "Höhe",
    "From the floor to the top": "Vom Boden bis nach oben",
    "Origin": "Ursprung",
    "Point that becomes the new object's origin": "Punkt, der zum Ursprung des neuen Objekts wird",
    "Base": "Basis",
    "The middle of the bottom, so that the object stands where it is placed": (
        "Die Mitte der Unterseite, sodass das Objekt steht, wo es platziert wird"
    ),
    "Center": "Zentrum",
    "The middle of the bounding box": "Die Mitte des Begrenzungsrahmens",
    "Center of Volume": "Volumenmittelpunkt",
    "The center of mass, around which the object rotates naturally": (
        "Der Schwerpunkt, um den sich das Objekt natürlich dreht"
    ),
    "Facing": "Blickrichtung",
    "Direction that the side shown in the picture faces": (
        "Richtung, in die die im Bild gezeigte Seite blickt"
    ),
    "Front View": "Vorderansicht",
    "Along -Y, so that the front view (Numpad 1) shows it": (
        "Entlang -Y, sodass die Vorderansicht (Ziffernblock 1) sie zeigt"
    ),
    "Viewer": "Betrachter",
    "Toward you, in the 3D viewport where you click or drop": (
        "Zu dir, in dem 3D-Ansichtsfenster, in dem du klickst oder ablegst"
    ),
    "Drop At": "Ablegen",
    "Where to place the object made from a picture that you drop on the viewport": (
        "Wo das Objekt entsteht, wenn ein Bild im Ansichtsfenster abgelegt wird"
    ),
    "Surface Under Mouse": "Oberfläche unter der Maus",
    "On the surface under the mouse, or on the floor if there is none": (
        "Auf der Oberfläche unter der Maus, oder auf dem Boden, wenn dort keine ist"
    ),
    "3D Cursor": "3D-Cursor",
    "At the 3D cursor, wherever you drop the picture": (
        "Am 3D-Cursor, wo immer das Bild abgelegt wird"
    ),
    # Variants
    "Generate Variants (TripoSR)": "Varianten erzeugen (TripoSR)",
    "Build variants of the object at several foreground ratios in a row, to keep the best": (
        "Varianten des Objekts mit mehreren Vordergrundanteilen in einer Reihe bauen, um die beste "
        "zu behalten"
    ),
    "Count": "Anzahl",
    "Number of variants": "Anzahl der Varianten",
    "Smallest": "Kleinster",
    "Foreground ratio of the first variant": "Vordergrundanteil der ersten Variante",
    "Largest": "Größter",
    "Foreground ratio of the last variant": "Vordergrundanteil der letzten Variante",
    "One of {count} variants, foreground {ratio:.2f}, match {match:.2f}": (
        "Eine von {count} Varianten, Vordergrund {ratio:.2f}, Übereinstimmung {match:.2f}"
    ),
    "One of {count} variants, foreground {ratio:.2f}": (
        "Eine von {count} Varianten, Vordergrund {ratio:.2f}"
    ),
    "It matches the picture best": "Sie passt am besten zum Bild",
    "Best of Variants": "Beste behalten",
    "Best of Variants (TripoSR)": "Beste Variante behalten (TripoSR)",
    "Keep the variant that covers its subject in the picture best, and delete the others": (
        "Die Variante behalten, die ihr Motiv im Bild am besten deckt, und die anderen löschen"
    ),
    "Wait until all variants are there": "Warten, bis alle Varianten da sind",
    "The match of these variants with the picture is not known": (
        "Wie gut diese Varianten mit dem Bild übereinstimmen, ist nicht bekannt"
    ),
    "Select the one that you like best, and click Keep This One": (
        "Die schönste auswählen und auf „Diese behalten“ klicken"
    ),
    # The picture's camera
    "Camera from Picture": "Kamera aus Bild",
    "Camera from Picture (TripoSR)": "Kamera aus Bild (TripoSR)",
    "Look through a camera from which the object covers its subject in the picture exactly": (
        "Durch eine Kamera blicken, aus der das Objekt sein Motiv im Bild genau deckt"
    ),
    "Cancel the Camera (TripoSR)": "Kamera abbrechen (TripoSR)",
    "Stop looking for the camera": "Die Suche nach der Kamera beenden",
    "Wait until the camera is there, or cancel it": (
        "Warten, bis die Kamera da ist, oder die Suche abbrechen"
    ),
    "Match": "Übereinstimmung",
    "How well the object covers its subject in the picture, seen from where the picture was "
    "taken: 0 not at all, 1 exactly. Refining does not change it": (
        "Wie gut das Objekt sein Motiv im Bild deckt, von dort gesehen, wo das Bild aufgenommen "
        "wurde: 0 gar nicht, 1 genau. Verfeinern ändert das nicht"
    ),
    "Match {percent:.0f} %": "Übereinstimmung {percent:.0f} %",
    "{name}: match {percent:.0f} %": "{name}: Übereinstimmung {percent:.0f} %",
    "The object covers little of its subject: try Variants": (
        "Das Objekt deckt wenig von seinem Motiv: Varianten versuchen"
    ),
    "the object covers little of its subject: try Variants": (
        "das Objekt deckt wenig von seinem Motiv: Varianten versuchen"
    ),
    "{name} is stretched, sheared or mirrored, so no camera sees it as in its picture": (
        "{name} ist gestreckt, geschert oder gespiegelt, daher sieht keine Kamera es wie im Bild"
    ),
    "Give it the same positive scale on all axes, and try again": (
        "Ihm auf allen Achsen dieselbe positive Skalierung geben und noch einmal versuchen"
    ),
    "{name} is not in the scene {scene!r}": "{name} ist nicht in der Szene {scene!r}",
    "Switch to its scene and try again": "In seine Szene wechseln und noch einmal versuchen",
    "Keep This One": "Diese behalten",
    "Keep Variant (TripoSR)": "Variante behalten (TripoSR)",
    "Keep the active variant, move it to the place of the first one, and delete the others": (
        "Die aktive Variante behalten, an den Platz der ersten stellen und die anderen löschen"
    ),
    "Select one of several variants": "Eine von mehreren Varianten auswählen",
    "Kept {name}, others deleted: {count}": "{name} behalten, andere gelöscht: {count}",
    # Refining the active object
    "Refine": "Verfeinern",
    "Looser, Tighter": "Lockerer, enger",
    "Tighter": "Enger",
    "The density threshold on a logarithmic scale: drag left to keep thin parts, right to "
    "remove haze. The surface follows, and replaces edits made by hand": (
        "Der Dichteschwellwert auf logarithmischer Skala: nach links ziehen, um dünne Teile zu "
        "behalten, nach rechts, um Dunst zu entfernen. Die Oberfläche folgt und ersetzt, was von "
        "Hand bearbeitet wurde"
    ),
    "{name}: {count:,} faces": "{name}: {count:,} Flächen",
    "Switch to Object Mode to refine": "Zum Verfeinern in den Objektmodus wechseln",
    "Extract Again": "Neu extrahieren",
    "Regenerate": "Neu erzeugen",
    "Refine (TripoSR)": "Verfeinern (TripoSR)",
    "Extract the surface again, without the network; this replaces edits made by hand": (
        "Die Oberfläche ohne das Netzwerk neu extrahieren; das ersetzt, was von Hand bearbeitet "
        "wurde"
    ),
    "Regenerate (TripoSR)": "Neu erzeugen (TripoSR)",
    "Rebuild the active object from its picture, with the current model and settings": (
        "Das aktive Objekt aus seinem Bild neu bauen, mit dem aktuellen Modell und den aktuellen "
        "Einstellungen"
    ),
    "Select an object that was made from a picture": (
        "Ein Objekt auswählen, das aus einem Bild entstanden ist"
    ),
    "The object is linked, or a library override: make it local first": (
        "Das Objekt ist verknüpft oder eine Bibliotheksüberschreibung: zuerst lokal machen"
    ),
    "Switch to Object Mode": "In den Objektmodus wechseln",
    # Its mesh
    "Mesh": "Mesh",
    "Clean Up": "Aufräumen",
    "Clean Up Mesh (TripoSR)": "Mesh aufräumen (TripoSR)",
    "Remove loose parts, fill holes, smooth and reduce faces; colors stay exact": (
        "Lose Teile entfernen, Löcher füllen, glätten und Flächen reduzieren; die Farben bleiben "
        "exakt"
    ),
    "Remove Floaters": "Lose Teile entfernen",
    "Remove loose parts with less than this share of the largest part's vertices; 1 keeps only "
    "the largest part": (
        "Lose Teile mit weniger als diesem Anteil der Eckpunkte des größten Teils entfernen; 1 "
        "behält nur das größte"
    ),
    "Fill Holes": "Löcher füllen",
    "Close the surface, as 3D printing requires": (
        "Die Oberfläche schließen, wie es 3D-Druck braucht"
    ),
    "Smooth": "Glätten",
    "Number of passes of Laplacian smoothing, which preserves the volume": (
        "Anzahl der Durchgänge der Laplace-Glättung, die das Volumen erhält"
    ),
    "Faces": "Flächen",
    "Number of triangles to reduce the mesh to; 0 keeps all": (
        "Anzahl der Dreiecke, auf die das Mesh reduziert wird; 0 behält alle"
    ),
    "Voxel Remesh": "Voxel-Remesh",
    "Quad Remesh": "Quad-Remesh",
    "Remesh (TripoSR)": "Remesh (TripoSR)",
    "Replace the faces with even ones: voxels, or quads along the shape; colors stay exact": (
        "Die Flächen durch gleichmäßige ersetzen: Voxel, oder Vierecke, die der Form folgen; die "
        "Farben bleiben exakt"
    ),
    "Method": "Methode",
    "How to make the new faces": "Wie die neuen Flächen entstehen",
    "Voxel": "Voxel",
    "Make even faces from a grid, which closes the mesh and joins overlapping parts; good for "
    "sculpting": (
        "Gleichmäßige Flächen aus einem Gitter, das das Mesh schließt und überlappende Teile "
        "verbindet; gut zum Modellieren"
    ),
    "Quads": "Vierecke",
    "Make quads that follow the shape (QuadriFlow); takes a few seconds": (
        "Vierecke, die der Form folgen (QuadriFlow); dauert ein paar Sekunden"
    ),
    "Voxel Size": "Voxelgröße",
    "Edge length of a voxel; 0 uses 1/128 of the longest side": (
        "Kantenlänge eines Voxels; 0 nimmt 1/128 der längsten Seite"
    ),
    "Approximate number of quads": "Ungefähre Anzahl der Vierecke",
    "Mirror": "Spiegeln",
    "Mirror (TripoSR)": "Spiegeln (TripoSR)",
    "Replace one half of the object with the mirror image of the better half, colors included": (
        "Eine Hälfte des Objekts durch das Spiegelbild der besseren ersetzen, mit ihren Farben"
    ),
    "Keep": "Behalten",
    "Half to keep; the mirror plane passes through the middle of the picture": (
        "Hälfte, die bleibt; die Spiegelebene geht durch die Mitte des Bilds"
    ),
    "The half with more surface, because missing parts have none": (
        "Die Hälfte mit mehr Oberfläche, weil fehlende Teile keine haben"
    ),
    "Left": "Links",
    "The half on the object's local -X side": (
        "Die Hälfte auf der Seite der lokalen -X-Achse des Objekts"
    ),
    "Right": "Rechts",
    "The half on the object's local X side": (
        "Die Hälfte auf der Seite der lokalen X-Achse des Objekts"
    ),
    "Recolor": "Neu färben",
    "Recolor (TripoSR)": "Neu färben (TripoSR)",
    "Compute the exact vertex colors again, however the mesh was edited": (
        "Die Farben der Eckpunkte neu und exakt berechnen, wie auch immer das Mesh bearbeitet wurde"
    ),
    "{name}: {count:,} vertices colored": "{name}: {count:,} Eckpunkte gefärbt",
    # Pictures from elsewhere in Blender
    "Open Picture (TripoSR)": "Bild öffnen (TripoSR)",
    "Choose the picture to build in 3D": "Das Bild wählen, das in 3D gebaut wird",
    "{name} is not a picture. Choose a PNG or JPEG file.": (
        "{name} ist kein Bild. Eine PNG- oder JPEG-Datei wählen."
    ),
    "Paste Image (TripoSR)": "Bild einfügen (TripoSR)",
    "Paste Image": "Bild einfügen",
    "Use the picture or picture file on the clipboard": (
        "Das Bild oder die Bilddatei aus der Zwischenablage nehmen"
    ),
    "Clipboard": "Zwischenablage",
    "Pasted {name}": "{name} eingefügt",
    "Picture for TripoSR": "Bild für TripoSR",
    "Build a colored mesh from each dropped picture": (
        "Aus jedem abgelegten Bild ein farbiges Mesh bauen"
    ),
    "From Image (TripoSR)": "Aus Bild (TripoSR)",
    "Choose pictures and build a colored mesh from each, in a row from the 3D cursor": (
        "Bilder wählen und aus jedem ein farbiges Mesh bauen, in einer Reihe ab dem 3D-Cursor"
    ),
    "Generate 3D Mesh from Image (TripoSR)": "3D-Mesh aus Bild erzeugen (TripoSR)",
    "Build a colored mesh from the picture of each selected Empty, at the Empty's location": (
        "Aus dem Bild jedes ausgewählten Leerobjekts an dessen Platz ein farbiges Mesh bauen"
    ),
    "Select an Empty that shows an image": "Ein Leerobjekt auswählen, das ein Bild zeigt",
    "Build a colored mesh from the picture that this Image Editor shows, at the 3D cursor": (
        "Aus dem Bild, das dieser Bildeditor zeigt, am 3D-Cursor ein farbiges Mesh bauen"
    ),
    "Open a picture in the Image Editor": "Ein Bild im Bildeditor öffnen",
    "Picture File": "Bilddatei",
    "Picture to use instead of the scene's": "Bild, das statt dem der Szene verwendet wird",
    "Image": "Bild",
    "Name of the image data-block to use instead of the scene's picture": (
        "Name des Bild-Datenblocks, der statt des Bilds der Szene verwendet wird"
    ),
    "Location": "Position",
    "Location of the object's origin, instead of the 3D cursor": (
        "Position des Objektursprungs, statt am 3D-Cursor"
    ),
    "Rotation": "Rotation",
    "Rotation about Z from facing the front view, instead of the Facing setting": (
        "Drehung um Z aus der Vorderansicht, statt wie unter „Blickrichtung“ eingestellt"
    ),
    # What is kept with an object
    "Name of the picture": "Name des Bilds",
    "The picture, if it is an image of the .blend": (
        "Das Bild, wenn es ein Bild der .blend-Datei ist"
    ),
    "File": "Datei",
    "The picture's file, in older files; now see scene/kept_file.py": (
        "Die Datei des Bilds, in älteren Dateien; jetzt siehe scene/kept_file.py"
    ),
    "SHA-256": "SHA-256",
    "Checksum of the picture's file or pixels when the object was made": (
        "Prüfsumme der Bilddatei oder der Pixel, als das Objekt entstand"
    ),
    "Whether the starter model made the object": "Ob das Objekt vom Startmodell ist",
    "Mirrored": "Gespiegelt",
    "Half that was kept; the other half is its mirror image": (
        "Hälfte, die behalten wurde; die andere ist ihr Spiegelbild"
    ),
    "Left Half": "Linke Hälfte",
    "Right Half": "Rechte Hälfte",
    "Variants": "Varianten",
    "Group of variants that the object belongs to": (
        "Gruppe von Varianten, zu der das Objekt gehört"
    ),
    "Place": "Platz",
    "Where the kept variant will stand": "Wo die behaltene Variante stehen wird",
    "Scale": "Skalierung",
    "Object units per model unit": "Objekteinheiten je Modelleinheit",
    "Point that became the object's origin, in model units": (
        "Punkt, der zum Ursprung des Objekts wurde, in Modelleinheiten"
    ),
    # Preferences: models
    "Models": "Modelle",
    "Model": "Modell",
    "Which model": "Welches Modell",
    "The published network: detailed meshes of nearly anything": (
        "Das veröffentlichte Netzwerk: detaillierte Meshs von fast allem"
    ),
    "The finest outlines, hair and fur included; takes long and 6 GB of memory": (
        "Die feinsten Umrisse, auch von Haar und Fell; braucht lange und 6 GB Speicher"
    ),
    "Fine outlines in less time and memory than BiRefNet": (
        "Feine Umrisse in weniger Zeit und Speicher als BiRefNet"
    ),
    "Good outlines of nearly anything in a second or two": (
        "Gute Umrisse von fast allem in ein bis zwei Sekunden"
    ),
    "What the published TripoSR uses: soft outlines, quick": (
        "Was das veröffentlichte TripoSR verwendet: weiche Umrisse, schnell"
    ),
    "U²-Net at a quarter of its size, nearly as good": (
        "U²-Net mit einem Viertel der Größe, fast so gut"
    ),
    "The smallest and quickest: rough outlines": "Das kleinste und schnellste: grobe Umrisse",
    "Model Folder": "Modellordner",
    "Folder that holds the models. A studio can share one, even read-only. Empty: the add-on's "
    "own data folder": (
        "Ordner, in dem die Modelle liegen. Ein Studio kann sich einen teilen, auch "
        "schreibgeschützt. Leer: der Datenordner des Add-ons"
    ),
    "Comes with the Add-on": "Mit dem Add-on geliefert",
    "Download": "Herunterladen",
    "Convert": "Konvertieren",
    "Remove": "Entfernen",
    "Import from Disk": "Von Datenträger importieren",
    "Download Model (TripoSR)": "Modell herunterladen (TripoSR)",
    "Download this model and verify it": "Dieses Modell herunterladen und prüfen",
    "Cancel Download (TripoSR)": "Herunterladen abbrechen (TripoSR)",
    "Stop the download; the next one resumes from what has arrived": (
        "Das Herunterladen anhalten; das nächste Mal geht es mit dem weiter, was angekommen ist"
    ),
    "Nothing is being downloaded": "Es wird gerade nichts heruntergeladen",
    "Import Model (TripoSR)": "Modell importieren (TripoSR)",
    "Copy a model from disk: a folder with TripoSR's files, its weights alone, or the .onnx "
    "file of a matting model": (
        "Ein Modell von einem Datenträger kopieren: einen Ordner mit den Dateien von TripoSR, nur "
        "dessen Gewichte oder die .onnx-Datei eines Freistellmodells"
    ),
    "Remove Model (TripoSR)": "Modell entfernen (TripoSR)",
    "Delete this model's files from the model folder": (
        "Die Dateien dieses Modells aus dem Modellordner löschen"
    ),
    "Wait until the running task is done": "Warten, bis die laufende Aufgabe fertig ist",
    "{name} is ready": "{name} ist bereit",
    "{name} is not in the model folder": "{name} ist nicht im Modellordner",
    "{name} removed: {size:,.0f} MB freed": "{name} entfernt: {size:,.0f} MB frei geworden",
    "Keep Original Weights": "Originalgewichte behalten",
    "Keep the published 1.7 GB file beside the converted one, for exact results with Full "
    "precision": (
        "Die veröffentlichte Datei mit 1,7 GB neben der konvertierten behalten, für exakte "
        "Ergebnisse mit der Genauigkeit „Voll“"
    ),
    "Hugging Face Mirror": "Hugging-Face-Spiegel",
    "Address to use instead of https://huggingface.co, such as a studio's own mirror. Empty: "
    "HF_ENDPOINT from the environment, else huggingface.co": (
        "Adresse, die statt https://huggingface.co verwendet wird, etwa ein Spiegel des Studios. "
        "Leer: HF_ENDPOINT aus der Umgebung, sonst huggingface.co"
    ),
    "GitHub Mirror": "GitHub-Spiegel",
    "Address to use instead of https://github.com, which hosts the matting models": (
        "Adresse, die statt https://github.com verwendet wird, wo die Freistellmodelle liegen"
    ),
    "PyTorch Mirror": "PyTorch-Spiegel",
    "PyTorch's and NVIDIA's servers": "Server von PyTorch und NVIDIA",
    "Address to use instead of https://download.pytorch.org and https://pypi.nvidia.com, which host torch for NVIDIA cards and the libraries it needs": (  # noqa: E501
        "Adresse, die statt https://download.pytorch.org und https://pypi.nvidia.com verwendet "
        "wird, wo torch für NVIDIA-Karten und die nötigen Bibliotheken liegen"
    ),
    # The GPU that is not used, and the torch that uses it
    "Use My GPU": "Meine GPU verwenden",
    "Download the build of torch that this machine's NVIDIA card needs, try it, and use it": (
        "Das torch herunterladen, das die NVIDIA-Karte dieses Rechners braucht, es ausprobieren "
        "und verwenden"
    ),
    "{card} is not used": "{card} wird nicht verwendet",
    "{card} is not used: its driver is too old": (
        "{card} wird nicht verwendet: ihr Treiber ist zu alt"
    ),
    "Install version {version} or newer of NVIDIA's driver, then restart Blender": (
        "NVIDIAs Treiber in Version {version} oder neuer installieren, dann Blender neu starten"
    ),
    "{card} is not used: there is no build of torch for it here": (
        "{card} wird nicht verwendet: hier gibt es kein torch für sie"
    ),
    "If you have one, choose its folder as Own Torch in the preferences": (
        "Falls eines vorhanden ist, seinen Ordner in den Einstellungen als eigenes torch wählen"
    ),
    "The NVIDIA driver does not work ({reason})": (
        "Der Treiber von NVIDIA funktioniert nicht ({reason})"
    ),
    "Restart the computer; if that does not help, install the driver again": (
        "Den Rechner neu starten; wenn das nicht hilft, den Treiber neu installieren"
    ),
    "No NVIDIA card was found": "Keine Karte von NVIDIA gefunden",
    "Choose Own Torch in the preferences for another kind of GPU": (
        "Für andere GPUs in den Einstellungen ein eigenes torch wählen"
    ),
    "torch {version}": "torch {version}",
    "torch {version}, for {card}": "torch {version}, für {card}",
    "From {hosts}": "Von {hosts}",
    "{size} to download": "{size} herunterzuladen",
    "{missing} of {size} left to download": "Noch {missing} von {size} herunterzuladen",
    "Needs {needed} of free disk space meanwhile, and takes {disk} afterwards": (
        "Braucht inzwischen {needed} freien Speicher und belegt danach {disk}"
    ),
    "Only {free} are free: make room, or choose a Model Folder on another disk": (
        "Nur {free} sind frei: Platz schaffen, oder einen Modellordner auf einem anderen "
        "Datenträger wählen"
    ),
    "Looking at the graphics card: try again in a moment": (
        "Die Grafikkarte wird gesucht: gleich noch einmal versuchen"
    ),
    "Own Torch is set, and goes before what Use My GPU installs": (
        "Ein eigenes torch ist gewählt, und das geht vor"
    ),
    "Clear Own Torch in the preferences first": (
        "Zuerst in den Einstellungen das Feld „Eigenes torch“ leeren"
    ),
    "Blender need not be restarted": "Blender muss nicht neu gestartet werden",
    "Restart Blender afterwards: another torch is already loaded": (
        "Blender danach neu starten: Ein anderes torch ist schon geladen"
    ),
    "By downloading, you accept NVIDIA's licenses:": (
        "Mit dem Herunterladen werden NVIDIAs Lizenzen angenommen:"
    ),
    "Unpacking": "Wird entpackt",
    "Trying it in a second Blender": "Wird in einem zweiten Blender ausprobiert",
    "The next picture uses {card}": "Das nächste Bild verwendet {card}",
    "Restart Blender to use {card}": "Blender neu starten, um {card} zu verwenden",
    "torch {version} is ready, but does not use {card}: {reason}": (
        "torch {version} ist bereit, verwendet {card} aber nicht: {reason}"
    ),
    "it finds no GPU": "es findet keine GPU",
    "Not installed yet": "Noch nicht installiert",
    "Remove GPU Build (TripoSR)": "GPU-Version entfernen (TripoSR)",
    "Delete the build of torch that Use My GPU installed, and downloads that were not finished": (
        "Das torch löschen, das „Meine GPU verwenden“ installiert hat, und nicht abgeschlossene "
        "Downloads"
    ),
    "GPU Build": "GPU-Version",
    "Removing": "Wird entfernt",
    "The GPU build is removed: {size} freed": (
        "Die GPU-Version ist entfernt: {size} frei geworden"
    ),
    "The GPU build is removed; its files are deleted at the next start": (
        "Die GPU-Version ist entfernt; ihre Dateien werden beim nächsten Start gelöscht"
    ),
    "The GPU build {version} that is to be replaced is still in use": (
        "Die GPU-Version {version}, die ersetzt werden soll, wird noch verwendet"
    ),
    "Close all Blenders, start one and try again": (
        "Alle Blender schließen, einen starten und noch einmal versuchen"
    ),
    "The path of the model folder is {excess} characters too long for Windows": (
        "Der Pfad des Modellordners ist {excess} Zeichen zu lang für Windows"
    ),
    "Choose a model folder closer to the top of a disk in the preferences": (
        "In den Einstellungen einen Modellordner weiter oben auf einem Datenträger wählen"
    ),
    "{name} cannot be unpacked: {reason}": "{name} kann nicht entpackt werden: {reason}",
    "it has {size} instead of {limit}": "es hat {size} statt {limit}",
    "it names {name!r}, which is unsafe": "es nennt {name!r}, und das ist unsicher",
    "Report it; what worked before still works": ("Bitte melden; was bisher ging, geht weiterhin"),
    "Blender cannot be started a second time, to try the GPU build: {reason}": (
        "Blender kann kein zweites Mal starten, um die GPU-Version auszuprobieren: {reason}"
    ),
    "Save your work, restart Blender and try again": (
        "Die Arbeit sichern, Blender neu starten und noch einmal versuchen"
    ),
    "The GPU build did not answer within {minutes:.0f} minutes": (
        "Die GPU-Version hat nach {minutes:.0f} Minuten nicht geantwortet"
    ),
    "Restart the computer and try again; what worked before still works": (
        "Den Rechner neu starten und noch einmal versuchen; was bisher ging, geht weiterhin"
    ),
    "The GPU build does not work on this machine: {reason}": (
        "Die GPU-Version funktioniert auf diesem Rechner nicht: {reason}"
    ),
    "Report it with Copy Report in the preferences; what worked before still works": (
        "Mit „Bericht kopieren“ in den Einstellungen melden; was bisher ging, geht weiterhin"
    ),
    "The GPU build of torch cannot be imported ({reason})": (
        "Die GPU-Version von torch kann nicht importiert werden ({reason})"
    ),
    "Restart Blender; if that does not help, click Remove beside the build in the preferences, and restart Blender": (  # noqa: E501
        "Blender neu starten; wenn das nicht hilft, in den Einstellungen neben der Version auf "
        "„Entfernen“ klicken und Blender neu starten"
    ),
    "The GPU build of torch is not used, because it is damaged: the file {name} is missing or has another size": (  # noqa: E501
        "Die GPU-Version von torch wird nicht verwendet, weil sie beschädigt ist: die Datei {name} "
        "fehlt oder hat eine andere Größe"
    ),
    "The GPU build of torch is not used, because it cannot be imported ({reason})": (
        "Die GPU-Version von torch wird nicht verwendet, weil sie nicht importiert werden kann "
        "({reason})"
    ),
    "Blender was started offline: start it without --offline-mode": (
        "Blender wurde offline gestartet: ohne --offline-mode starten"
    ),
    "Blender was started offline": "Blender wurde offline gestartet",
    "Start it without --offline-mode": "Ohne --offline-mode starten",
    "Blender may not go online": "Blender darf nicht online gehen",
    "Turn on Allow Online Access in Preferences, System, Network": (
        "In den Einstellungen unter System, Netzwerk den Online-Zugriff erlauben"
    ),
    "Open Preferences": "Einstellungen öffnen",
    # Preferences: device and memory
    "Device and Memory": "Gerät und Speicher",
    "Device": "Gerät",
    "Device that runs the network": "Gerät, auf dem das Netzwerk läuft",
    "A GPU if one works, else the CPU": "Eine GPU, wenn eine funktioniert, sonst die CPU",
    "CPU": "CPU",
    "Works everywhere": "Funktioniert überall",
    "NVIDIA or AMD GPU": "NVIDIA- oder AMD-GPU",
    "CUDA, or ROCm with a ROCm build of torch": "CUDA, oder ROCm mit einem torch für ROCm",
    "Intel GPU": "Intel-GPU",
    "XPU, with an XPU build of torch": "XPU, mit einem torch für XPU",
    "Apple GPU": "Apple-GPU",
    "Metal, on Apple silicon": "Metal, auf Apple Silicon",
    "Another GPU of this machine": "Eine weitere GPU dieses Rechners",
    "{name} (Not Detected Yet)": "{name} (noch nicht gesucht)",
    "Click Detect Devices": "Auf „Geräte suchen“ klicken",
    "{name} ({size:.0f} GB)": "{name} ({size:.0f} GB)",
    "CPU, {count} cores": "CPU, {count} Kerne",
    "Detect Devices (TripoSR)": "Geräte suchen (TripoSR)",
    "Detect GPUs that the installed torch can use; takes a few seconds the first time": (
        "GPUs suchen, die das installierte torch verwenden kann; dauert beim ersten Mal ein paar "
        "Sekunden"
    ),
    "Devices": "Geräte",
    "Found {devices}": "Gefunden: {devices}",
    "{these}, {that}": "{these}, {that}",
    "Precision": "Genauigkeit",
    "Number of bits that the network computes with": (
        "Anzahl der Bits, mit denen das Netzwerk rechnet"
    ),
    "Half on processors designed for it, else full": (
        "Halb auf Prozessoren, die dafür gemacht sind, sonst voll"
    ),
    "Full": "Voll",
    "32 bits: exact, with the original weights if they were kept": (
        "32 Bit: exakt, mit den Originalgewichten, wenn sie behalten wurden"
    ),
    "Half (bfloat16)": "Halb (bfloat16)",
    "16 bits: half the memory, slightly different meshes": (
        "16 Bit: halber Speicher, leicht andere Meshs"
    ),
    "Half (float16)": "Halb (float16)",
    "16 bits: half the memory, for GPUs without bfloat16": (
        "16 Bit: halber Speicher, für GPUs ohne bfloat16"
    ),
    "CPU Threads": "CPU-Threads",
    "Number of processor cores that a task uses. 0: all but one, which Blender keeps; all for "
    "scripts, which Blender waits for": (
        "Anzahl der Prozessorkerne, die eine Aufgabe nutzt. 0: alle bis auf einen, den Blender "
        "behält; für Skripte, auf die Blender wartet, alle"
    ),
    "Keep Loaded": "Geladen lassen",
    "How long the model stays in memory after its last use. It is always unloaded before "
    "Cycles renders on a GPU whose memory it uses": (
        "Wie lange das Modell nach seiner letzten Verwendung im Speicher bleibt. Es wird immer "
        "entladen, bevor Cycles auf einer GPU rendert, deren Speicher es belegt"
    ),
    "For a While": "Eine Weile",
    "The next picture starts at once; memory is freed later": (
        "Das nächste Bild beginnt sofort; der Speicher wird später frei"
    ),
    "Always": "Immer",
    "Until Blender is closed": "Bis Blender geschlossen wird",
    "Never": "Nie",
    "Memory is freed after each task; each task loads the model": (
        "Der Speicher wird nach jeder Aufgabe frei; jede Aufgabe lädt das Modell"
    ),
    "Minutes": "Minuten",
    "Minutes without use after which the model is unloaded": (
        "Minuten ohne Verwendung, nach denen das Modell entladen wird"
    ),
    "Unload Now": "Jetzt entladen",
    "Unload Model (TripoSR)": "Modell entladen (TripoSR)",
    "Free the memory of the model, and of the data that makes refining objects quick": (
        "Den Speicher des Modells freigeben, und den der Daten, mit denen sich Objekte schnell "
        "verfeinern lassen"
    ),
    "No model is loaded": "Es ist kein Modell geladen",
    "Own Torch": "Eigenes torch",
    "Folder that pip install --target filled with another build of torch, for CUDA on Windows, "
    "ROCm or Intel GPUs. Empty: the torch that Blender finds": (
        "Ordner, den pip install --target mit einem anderen torch gefüllt hat, für CUDA unter "
        "Windows, ROCm oder Intel-GPUs. Leer: das torch, das Blender findet"
    ),
    "CPU only": "nur CPU",
    "unknown": "unbekannt",
    "Show Colors in Solid Shading": "Farben im Solid-Shading zeigen",
    "Show color attributes in the solid shading of the viewports when a mesh arrives": (
        "Im Solid-Shading der Ansichtsfenster Farbattribute zeigen, wenn ein Mesh ankommt"
    ),
    "Copy Report": "Bericht kopieren",
    "Copy Report (TripoSR)": "Bericht kopieren (TripoSR)",
    "Copy versions, devices, models and the last warnings to the clipboard, without your paths": (
        "Versionen, Geräte, Modelle und die letzten Warnungen in die Zwischenablage kopieren, "
        "ohne deine Pfade"
    ),
    "The report is on the clipboard": "Der Bericht ist in der Zwischenablage",
    # Errors: the picture
    "There is no picture": "Es gibt kein Bild",
    "There is no image {name!r}": "Es gibt kein Bild {name!r}",
    "Open one in the TripoSR tab, drop one, or name a file": (
        "Eines im Reiter TripoSR öffnen, eines hereinziehen oder eine Datei nennen"
    ),
    "The picture": "Das Bild",
    "The picture, made square,": "Das zum Quadrat ergänzte Bild",
    "{name} does not exist": "{name} ist nicht vorhanden",
    "Choose another picture: there is none at {path}": (
        "Ein anderes Bild wählen: Bei {path} gibt es keines"
    ),
    "{name} is a folder": "{name} ist ein Ordner",
    "Choose a picture in it": "Ein Bild darin wählen",
    "{name} is not a file": "{name} ist keine Datei",
    "Choose the file of a picture": "Die Datei eines Bildes wählen",
    "{name} may not be read": "{name} darf nicht gelesen werden",
    "Allow reading it, or copy it": "Das Lesen erlauben oder eine Kopie anlegen",
    "{name} is not a picture that can be read": "{name} ist kein Bild, das gelesen werden kann",
    "Choose a PNG, JPEG or WebP file": "Eine PNG-, JPEG- oder WebP-Datei wählen",
    "{name:.60} cannot be read ({reason})": "{name:.60} kann nicht gelesen werden ({reason})",
    "Choose another picture, or copy it": "Ein anderes Bild wählen oder dieses kopieren",
    "{name} is damaged or incomplete": "{name} ist beschädigt oder unvollständig",
    "Save or download the picture again": "Das Bild noch einmal speichern oder herunterladen",
    "{name} has only {width} × {height} pixels": "{name} hat nur {width} × {height} Pixel",
    "Choose a picture of at least 256 pixels a side": (
        "Ein Bild mit mindestens 256 Pixeln je Seite wählen"
    ),
    "{name} has more than {count} million pixels": "{name} hat mehr als {count} Millionen Pixel",
    "Scale it down; 2,000 pixels a side are plenty": (
        "Verkleinern; 2000 Pixel je Seite reichen gut aus"
    ),
    "The image {name!r} has no pixels": "Das Bild {name!r} hat keine Pixel",
    "Save it as a PNG file, and open that": "Als PNG-Datei speichern und diese öffnen",
    "The image {name!r} holds no picture yet": "Im Bild {name!r} ist noch nichts zu sehen",
    "Render the scene first": "Zuerst die Szene rendern",
    "No frame of the movie {name} can be read": (
        "Kein Einzelbild des Films {name} lässt sich lesen"
    ),
    "Save the frame as a PNG file, and open that": (
        "Das Einzelbild als PNG-Datei speichern und diese öffnen"
    ),
    "No temporary file can be written": "Es kann keine temporäre Datei geschrieben werden",
    "Choose a folder for them in Blender's preferences, under File Paths": (
        "In Blenders Einstellungen unter Dateipfade einen Ordner dafür wählen"
    ),
    "The picture is fully transparent": "Das Bild ist ganz durchsichtig",
    "Choose a picture that shows something": "Ein Bild wählen, auf dem etwas zu sehen ist",
    "The picture has no transparent background": "Das Bild hat keinen transparenten Hintergrund",
    "Choose Automatic as the Background": "„Automatisch“ als Hintergrund wählen",
    "No subject was found in the picture": "Im Bild wurde kein Motiv gefunden",
    "Choose another Background method or picture": (
        "Eine andere Methode für den Hintergrund oder ein anderes Bild wählen"
    ),
    "The subject does not stand out from a plain background": (
        "Das Motiv hebt sich nicht von einem einfarbigen Hintergrund ab"
    ),
    "Give a picture with a transparent or plain background, or add a matting model": (
        "Ein Bild mit transparentem oder einfarbigem Hintergrund nehmen oder ein Freistellmodell "
        "hinzufügen"
    ),
    "There is no picture on the clipboard": "In der Zwischenablage ist kein Bild",
    "Copy one in a browser, an image viewer or a file manager": (
        "Eines in einem Browser, einem Bildbetrachter oder einem Dateimanager kopieren"
    ),
    "Pasting pictures requires xclip or wl-clipboard, and neither is installed": (
        "Zum Einfügen von Bildern wird xclip oder wl-clipboard gebraucht, und keines davon ist "
        "installiert"
    ),
    "Install one of them, or save the picture and open its file": (
        "Eines installieren, oder das Bild speichern und seine Datei öffnen"
    ),
    # Errors: settings
    "{label} is {value}": "{label} ist {value}",
    "Choose a value from {low:,.10g} to {high:,.10g}": (
        "Einen Wert von {low:,.10g} bis {high:,.10g} wählen"
    ),
    "Choose a whole number": "Eine ganze Zahl wählen",
    "Choose one of {names}": "Eines davon wählen: {names}",
    "Crop": "Ausschnitt",
    "Choose True or False": "True oder False wählen",
    "The location or the rotation is not a finite number": (
        "Die Position oder die Rotation ist keine endliche Zahl"
    ),
    "The location has {count} numbers": "Die Position hat {count} Zahlen",
    "Give three: x, y and z": "Drei angeben: x, y und z",
    "Give finite numbers": "Endliche Zahlen angeben",
    "At this threshold the whole box is solid, so there is no surface": (
        "Bei diesem Schwellwert ist die ganze Box gefüllt, sodass es keine Oberfläche gibt"
    ),
    "Raise the density threshold": "Den Dichteschwellwert erhöhen",
    "At this threshold the box is empty, so there is no surface": (
        "Bei diesem Schwellwert ist die Box leer, sodass es keine Oberfläche gibt"
    ),
    "Lower the density threshold, or try a clearer picture of one object": (
        "Den Dichteschwellwert senken oder ein klareres Bild eines einzelnen Objekts versuchen"
    ),
    # Errors: objects and scenes
    "The scene belongs to a linked file": "Die Szene gehört zu einer verknüpften Datei",
    "Switch to a scene of this file": "Zu einer Szene dieser Datei wechseln",
    "Nothing can be added to the collection {name!r}": (
        "Der Sammlung {name!r} kann nichts hinzugefügt werden"
    ),
    "Select a collection of this file in the Outliner": (
        "Im Outliner eine Sammlung dieser Datei auswählen"
    ),
    "{name} was not made from a picture": "{name} ist nicht aus einem Bild entstanden",
    "Give an object that was": "Ein Objekt angeben, das es ist",
    "Blender is rendering the scene": "Blender rendert die Szene",
    "There is nothing to remove": "Es gibt nichts zu entfernen",
    "The object's scene code is damaged": "Der Szenencode des Objekts ist beschädigt",
    "Generate the object again": "Das Objekt noch einmal erzeugen",
    "The mesh no longer lies where it was made: its origin was moved, a transform was applied, "
    "or other meshes were joined to it": (
        "Das Mesh liegt nicht mehr, wo es entstanden ist: Sein Ursprung wurde verschoben, eine "
        "Transformation angewendet, oder andere Meshs wurden mit ihm verbunden"
    ),
    "Undo that, or generate the object again": (
        "Das rückgängig machen oder das Objekt noch einmal erzeugen"
    ),
    "The picture of {name} no longer exists": "Das Bild von {name} gibt es nicht mehr",
    "Open it in the TripoSR tab and click Generate": (
        "Es im Reiter TripoSR öffnen und auf „Erzeugen“ klicken"
    ),
    "{name} is no longer a mesh": "{name} ist kein Mesh mehr",
    "Generate it again": "Noch einmal erzeugen",
    "The mesh has no faces": "Das Mesh hat keine Flächen",
    "The faces of the mesh have no area": "Die Flächen des Meshs haben keinen Flächeninhalt",
    "Some vertices of the mesh lie nowhere": "Einige Vertices des Meshs liegen nirgendwo",
    "The whole picture is the subject, so there is no outline to match": (
        "Das ganze Bild ist das Motiv, daher gibt es keinen Umriss zum Vergleichen"
    ),
    "Choose another Background method and click Regenerate": (
        "Eine andere Methode für „Hintergrund“ wählen und auf „Neu erzeugen“ klicken"
    ),
    "{name} is being edited": "{name} wird gerade bearbeitet",
    "Switch to Object Mode and try again": "In den Objektmodus wechseln und noch einmal versuchen",
    "{name!r} belongs to a linked file": "{name!r} gehört zu einer verknüpften Datei",
    "{name!r} is a library override": "{name!r} ist eine Bibliotheksüberschreibung",
    "Make it local first": "Zuerst lokal machen",
    "The mesh {name!r} is being edited": "Das Mesh {name!r} wird gerade bearbeitet",
    "Switch to Object Mode first": "Zuerst in den Objektmodus wechseln",
    "The mesh {name!r} has shape keys, which fit its present vertices only": (
        "Das Mesh {name!r} hat Formschlüssel, die nur zu seinen jetzigen Eckpunkten passen"
    ),
    "Remove or apply them first": "Sie zuerst entfernen oder anwenden",
    "The mesh {name!r} has no faces": "Das Mesh {name!r} hat keine Flächen",
    "Bring its surface back with Extract Again": (
        "Seine Oberfläche mit „Neu extrahieren“ zurückholen"
    ),
    "Nothing would be left of the mesh": "Vom Mesh bliebe nichts übrig",
    "Ask for more faces": "Mehr Flächen verlangen",
    "Blender cannot make quads of this mesh: {reason}": (
        "Blender kann aus diesem Mesh keine Vierecke machen: {reason}"
    ),
    "Another surface of the object is being extracted": (
        "Eine andere Oberfläche des Objekts wird gerade extrahiert"
    ),
    "Ask for the settings first, even if some are given": (
        "Erst nach den Einstellungen fragen, auch wenn einige gegeben sind"
    ),
    "Try again when it is done": "Noch einmal versuchen, wenn sie fertig ist",
    "The picture {name} no longer exists": "Das Bild {name} gibt es nicht mehr",
    "Open it again and click Generate": "Es noch einmal öffnen und auf „Erzeugen“ klicken",
    "The object no longer exists": "Das Objekt gibt es nicht mehr",
    "Undo its removal and try again": "Das Entfernen rückgängig machen und noch einmal versuchen",
    "{name} has changed in the meantime, so it was left as it is": (
        "{name} hat sich inzwischen geändert und bleibt deshalb, wie es ist"
    ),
    "Try again": "Noch einmal versuchen",
    "Blender cannot be started a second time, to edit the mesh: {reason}": (
        "Blender lässt sich nicht ein zweites Mal starten, um das Mesh zu bearbeiten: {reason}"
    ),
    "Save your work and restart Blender": "Die Arbeit sichern und Blender neu starten",
    "The second Blender, which edits the mesh, has failed": (
        "Das zweite Blender, das das Mesh bearbeitet, ist gescheitert"
    ),
    "Try again with fewer faces; what it wrote is in Blender's console": (
        "Mit weniger Flächen noch einmal versuchen; was es schrieb, steht in Blenders Konsole"
    ),
    "Wait until the mesh edit is done, or cancel it": (
        "Warten, bis das Mesh fertig bearbeitet ist, oder das abbrechen"
    ),
    "Cancel Editing the Mesh (TripoSR)": "Bearbeiten des Meshs abbrechen (TripoSR)",
    "Stop editing the mesh, and leave it as it is": (
        "Das Bearbeiten des Meshs anhalten; es bleibt, wie es ist"
    ),
    "Editing the mesh": "Mesh wird bearbeitet",
    "Remesh": "Remesh",
    "Choose Voxel, or another number of faces": (
        "„Voxel“ oder eine andere Anzahl von Flächen wählen"
    ),
    # Errors: devices, memory and packages
    "There is no device type {name!r}": "Es gibt keinen Gerätetyp {name!r}",
    "Choose auto, {names}": "auto, {names} wählen",
    "There is no precision {name!r}": "Es gibt keine Genauigkeit {name!r}",
    "Choose auto or one of {names}": "auto oder eines davon wählen: {names}",
    "The installed torch {version} finds no device {name}": (
        "Das installierte torch {version} findet kein Gerät {name}"
    ),
    "The device {name} does not answer: {error}": "Das Gerät {name} antwortet nicht: {error}",
    "The device {name} has no free memory now": (
        "Das Gerät {name} hat gerade keinen freien Speicher"
    ),
    "The device {name} does not work with the installed torch {version}": (
        "Das Gerät {name} funktioniert nicht mit dem installierten torch {version}"
    ),
    "{card} does not work with the installed torch {version}, which was made for {made_for}": (
        "{card} funktioniert nicht mit dem installierten torch {version}, das für {made_for} "
        "gemacht ist"
    ),
    "no GPU": "keine GPU",
    "{card} is not used: the installed torch {version} was made for others": (
        "{card} wird nicht verwendet: das installierte torch {version} ist für andere gemacht"
    ),
    "{card} is not used: the installed torch {version} does not find it": (
        "{card} wird nicht verwendet: das installierte torch {version} findet sie nicht"
    ),
    "The AMD GPU": "Die GPU von AMD",
    "Choose Automatic or CPU as the device in the add-on's preferences": (
        "In den Einstellungen des Add-ons „Automatisch“ oder „CPU“ als Gerät wählen"
    ),
    "Memory ran out while {doing}": "Zu wenig Speicher {doing}",
    "loading the model": "beim Laden des Modells",
    "encoding the picture": "beim Lesen des Bilds",
    "extracting the mesh": "beim Extrahieren des Meshs",
    "coloring the mesh": "beim Färben des Meshs",
    "Lower the resolution, close other programs, or choose CPU as the device": (
        "Die Auflösung senken, andere Programme schließen oder „CPU“ als Gerät wählen"
    ),
    "The model needs {needed:.1f} GB of memory and the device {device} has {free:.1f} GB free": (
        "Das Modell braucht {needed:.1f} GB Speicher, und auf dem Gerät {device} sind {free:.1f} "
        "GB frei"
    ),
    "Close other programs, or choose CPU as the device": (
        "Andere Programme schließen oder „CPU“ als Gerät wählen"
    ),
    "The package {package} cannot be imported ({kind}: {error})": (
        "Das Paket {package} kann nicht importiert werden ({kind}: {error})"
    ),
    "Install {package} for Blender's Python, or disable add-ons that bring their own": (
        "{package} für Blenders Python installieren oder Add-ons deaktivieren, die ein eigenes "
        "mitbringen"
    ),
    "The package {package} cannot be imported: {needing} needs {needed}, but finds {there}": (
        "Das Paket {package} kann nicht importiert werden: {needing} braucht {needed}, findet aber "
        "{there}"
    ),
    "Disable the extension {extension!r}, which brought that, and restart Blender": (
        "Die Erweiterung {extension!r} deaktivieren, die das mitgebracht hat, und Blender neu "
        "starten"
    ),
    "Disable add-ons that bring their own packages, and restart Blender": (
        "Add-ons deaktivieren, die eigene Pakete mitbringen, und Blender neu starten"
    ),
    "The package {package} cannot be imported: its files lie deeper than Windows allows": (
        "Das Paket {package} kann nicht importiert werden: Seine Dateien liegen tiefer, als "
        "Windows erlaubt"
    ),
    "Turn on long paths in Windows, or unpack Blender with its portable folder close to the top of a disk, then install the add-on again": (  # noqa: E501
        "Lange Pfade in Windows einschalten oder Blender mit dem Ordner „portable“ weit oben auf "
        "einem Laufwerk entpacken, dann das Add-on neu installieren"
    ),
    "The package {package} cannot be imported: Windows' paging file is too small for it": (
        "Das Paket {package} kann nicht importiert werden: Windows' Auslagerungsdatei ist dafür zu "
        "klein"
    ),
    "Enlarge Windows' paging file or close other programs, then try again": (
        "Windows' Auslagerungsdatei vergrößern oder andere Programme schließen, dann erneut "
        "versuchen"
    ),
    "Install torch into the folder of Own Torch again, or clear that field and restart Blender": (
        "Torch erneut in den Ordner des eigenen Torch installieren oder das Feld leeren und "
        "Blender neu starten"
    ),
    "Restart Blender and click Use My GPU again": (
        "Blender neu starten und erneut auf „Meine GPU verwenden“ klicken"
    ),
    "Disable add-ons that bring their own {package}, then restart Blender and click Use My GPU again": (  # noqa: E501
        "Add-ons deaktivieren, die ein eigenes {package} mitbringen, dann Blender neu starten und "
        "erneut auf „Meine GPU verwenden“ klicken"
    ),
    "Choose another torch as Own Torch, or clear that field and restart Blender": (
        "Ein anderes Torch als eigenes Torch wählen oder das Feld leeren und Blender neu starten"
    ),
    "The package {package} cannot be imported: Windows does not find one of its libraries": (
        "Das Paket {package} kann nicht importiert werden: Windows findet eine seiner Bibliotheken "
        "nicht"
    ),
    "Restart Blender and install the add-on's zip again; on an N edition of Windows, install Microsoft's Media Feature Pack first": (  # noqa: E501
        "Blender neu starten und die ZIP-Datei des Add-ons erneut installieren; auf einer "
        "N-Edition von Windows vorher Microsofts Media Feature Pack installieren"
    ),
    "The package {package} cannot be imported: one of its libraries does not start in this Blender": (  # noqa: E501
        "Das Paket {package} kann nicht importiert werden: Eine seiner Bibliotheken startet in "
        "diesem Blender nicht"
    ),
    "Choose torch 2.8 as Own Torch, disable add-ons that bring a newer one, or use Blender 5.1 or newer": (  # noqa: E501
        "Torch 2.8 als eigenes Torch wählen, Add-ons deaktivieren, die ein neueres mitbringen, "
        "oder Blender 5.1 oder neuer verwenden"
    ),
    "Disable add-ons that bring a newer {package}, or use Blender 5.1 or newer": (
        "Add-ons deaktivieren, die ein neueres {package} mitbringen, oder Blender 5.1 oder neuer "
        "verwenden"
    ),
    "Disable add-ons that bring their own {package}, then restart Blender and install the add-on's zip again": (  # noqa: E501
        "Add-ons deaktivieren, die ein eigenes {package} mitbringen, dann Blender neu starten und "
        "die ZIP-Datei des Add-ons erneut installieren"
    ),
    "The package torch cannot be imported: it is not installed": (
        "Das Paket torch kann nicht importiert werden: Es ist nicht installiert"
    ),
    "Install the zip that brings it, or choose a folder with one as Own Torch in the add-on's preferences": (  # noqa: E501
        "Die ZIP-Datei installieren, die es mitbringt, oder in den Einstellungen des Add-ons "
        "einen Ordner mit torch als eigenes Torch wählen"
    ),
    "There is no torch in the folder {folder!r}": "Im Ordner {folder!r} ist kein torch",
    "Choose the folder that pip install --target filled; it has a folder torch in it": (
        "Den Ordner wählen, den pip install --target gefüllt hat; in ihm ist ein Ordner torch"
    ),
    "The torch in {folder!r} was made for another Python or system than Blender's Python {version}": (  # noqa: E501
        "Das torch in {folder!r} ist für ein anderes Python oder System gemacht als Blenders "
        "Python {version}"
    ),
    "Install it with Blender's own Python, or with one of the same version": (
        "Es mit Blenders eigenem Python oder einem derselben Version installieren"
    ),
    "Another torch ({version}) is already loaded": (
        "Ein anderes torch ({version}) ist schon geladen"
    ),
    "Restart Blender, and generate before another add-on loads its own": (
        "Blender neu starten und erzeugen, bevor ein anderes Add-on sein eigenes lädt"
    ),
    # Errors: downloads and the disk
    "{name} cannot be downloaded: {problem}": "{name} kann nicht heruntergeladen werden: {problem}",
    "the server is busy": "der Server ist überlastet",
    "the server does not answer": "der Server antwortet nicht",
    "the connection was closed": "die Verbindung wurde geschlossen",
    "the connection failed": "die Verbindung ist gescheitert",
    "Check the network and try again; what has arrived is kept": (
        "Das Netzwerk prüfen und noch einmal versuchen; was angekommen ist, bleibt"
    ),
    "The server {host} {refuses}: {name} (HTTP {status})": (
        "Der Server {host} {refuses}: {name} (HTTP {status})"
    ),
    "asks for a password": "verlangt ein Passwort",
    "refuses to send it": "gibt die Datei nicht heraus",
    "does not have it": "hat die Datei nicht",
    "does not have it any more": "hat die Datei nicht mehr",
    "cannot send it": "kann die Datei nicht senden",
    "Choose another mirror in the preferences, or import the file from disk": (
        "In den Einstellungen einen anderen Spiegel wählen oder die Datei von einem Datenträger "
        "importieren"
    ),
    "The server sent {what} instead of {name}": "Der Server hat {what} statt {name} gesendet",
    "a web page": "eine Webseite",
    "a larger file": "eine größere Datei",
    "a file of {size:,} bytes": "eine Datei mit {size:,} Bytes",
    "If the network asks to log in, do so in a web browser; else choose another mirror": (
        "Wenn das Netzwerk eine Anmeldung verlangt, dies in einem Browser tun; sonst einen "
        "anderen Spiegel wählen"
    ),
    "{name} arrived with other content than was published": (
        "{name} ist mit anderem Inhalt angekommen, als veröffentlicht wurde"
    ),
    "Try again; if it happens twice, choose another mirror in the preferences": (
        "Noch einmal versuchen; beim zweiten Mal in den Einstellungen einen anderen Spiegel wählen"
    ),
    "{url} is not a network address": "{url} ist keine Adresse im Netzwerk",
    "Correct the mirror in the preferences": "Den Spiegel in den Einstellungen berichtigen",
    "The certificate of {host} is not trusted": "Dem Zertifikat von {host} wird nicht vertraut",
    "Check this computer's date, and any software that inspects its network traffic": (
        "Das Datum dieses Rechners prüfen, und was seinen Netzwerkverkehr überwacht"
    ),
    "Another Blender is working on {name}": "Ein anderes Blender arbeitet an {name}",
    "The folder {folder!r} lies on a share that cannot lock files": (
        "Der Ordner {folder!r} liegt auf einer Freigabe, die Dateien nicht sperren kann"
    ),
    "Wait until it is done": "Warten, bis es fertig ist",
    "The disk is too full for {name}": "Der Datenträger ist zu voll für {name}",
    "The disk is too full by {missing} for {name}": (
        "Für {name} fehlen auf dem Datenträger {missing}"
    ),
    "Make room, or choose a model folder on another disk; what has arrived is kept": (
        "Platz schaffen oder einen Modellordner auf einem anderen Datenträger wählen; was "
        "angekommen ist, bleibt"
    ),
    "Nothing can be written to the folder {folder!r} ({reason})": (
        "In den Ordner {folder!r} kann nichts geschrieben werden ({reason})"
    ),
    "Choose another model folder in the preferences": (
        "In den Einstellungen einen anderen Modellordner wählen"
    ),
    "{name} cannot be written ({error})": "{name} kann nicht geschrieben werden ({error})",
    "Make room on the disk; the original weights were kept and work as they are": (
        "Auf dem Datenträger Platz schaffen; die Originalgewichte sind noch da und funktionieren"
    ),
    # Errors: a model's files
    "The model folder {folder!r} may not be read": (
        "Der Modellordner {folder!r} darf nicht gelesen werden"
    ),
    "The model folder {folder!r} does not exist": "Den Modellordner {folder!r} gibt es nicht",
    "The model folder {folder!r} is not a folder": "Der Modellordner {folder!r} ist kein Ordner",
    "Choose the folder that holds config.yaml and the weights": (
        "Den Ordner wählen, in dem config.yaml und die Gewichte liegen"
    ),
    "There are no weights in the model folder {folder!r}": (
        "Im Modellordner {folder!r} sind keine Gewichte"
    ),
    "Put {this} or {that} beside config.yaml": "{this} oder {that} neben config.yaml legen",
    "There is no {name} in the model folder": "Im Modellordner fehlt {name}",
    "Put config.yaml beside the weights, as it was published with them": (
        "config.yaml neben die Gewichte legen, wie es mit ihnen veröffentlicht wurde"
    ),
    "{name} cannot be read": "{name} kann nicht gelesen werden",
    "{card} does not work with this build of torch: {error}": (
        "{card} funktioniert mit dieser Version von torch nicht: {error}"
    ),
    "Update the graphics driver, restart the computer and try again": (
        "Den Grafiktreiber aktualisieren, den Rechner neu starten und erneut versuchen"
    ),
    "{name} cannot be read: {reason}": "{name} kann nicht gelesen werden: {reason}",
    "Check that the disk or network drive of the model folder is connected, and try again": (
        "Prüfen, ob die Platte oder das Netzlaufwerk des Modellordners verbunden ist, und erneut "
        "versuchen"
    ),
    "{name} does not describe a TripoSR network": "{name} beschreibt kein Netzwerk von TripoSR",
    "{name} does not describe a TripoSR network ({error})": (
        "{name} beschreibt kein Netzwerk von TripoSR ({error})"
    ),
    "The configuration does not describe a network ({kind}: {error})": (
        "Die Konfiguration beschreibt kein Netzwerk ({kind}: {error})"
    ),
    "config.yaml does not fit together: {problem}": "config.yaml passt nicht zusammen: {problem}",
    "the picture's side is no multiple of the ViT's patch size": (
        "die Bildseite ist kein Vielfaches der Patch-Größe des ViT"
    ),
    "the ViT's width differs from the width that the backbone reads": (
        "die Breite des ViT ist nicht die, die das Backbone liest"
    ),
    "the token width is no multiple of 32": "die Token-Breite ist kein Vielfaches von 32",
    "vit/config.json does not describe a ViT": "vit/config.json beschreibt kein ViT",
    "The configuration of the image tokenizer {name!r} is missing": (
        "Die Konfiguration des Bild-Tokenizers {name!r} fehlt"
    ),
    "Put it beside the weights as vit/config.json": (
        "Sie als vit/config.json neben die Gewichte legen"
    ),
    "Fetch the model's files again and keep them together in one folder": (
        "Die Dateien des Modells neu holen und zusammen in einem Ordner lassen"
    ),
    "The weights do not fit config.yaml ({problem})": (
        "Die Gewichte passen nicht zu config.yaml ({problem})"
    ),
    "The weights do not fit config.yaml ({name} is {shape} instead of {expected})": (
        "Die Gewichte passen nicht zu config.yaml ({name} ist {shape} statt {expected})"
    ),
    "see the log": "siehe Protokoll",
    "{name} is not a checkpoint of TripoSR": "{name} ist kein Checkpoint von TripoSR",
    "{name} holds more than weights, and none of it was run": (
        "{name} enthält mehr als Gewichte, und nichts davon wurde ausgeführt"
    ),
    "Delete the file and fetch the published weights": (
        "Die Datei löschen und die veröffentlichten Gewichte holen"
    ),
    "{name} is not the published file, and torch {version} cannot read others safely": (
        "{name} ist nicht die veröffentlichte Datei, und torch {version} kann andere nicht sicher "
        "lesen"
    ),
    "Convert it to safetensors with torch 2.10 or newer, or use the published weights": (
        "Sie mit torch 2.10 oder neuer in safetensors umwandeln oder die veröffentlichten Gewichte "
        "verwenden"
    ),
    "{name} is a web page, not the weights": "{name} ist eine Webseite, nicht die Gewichte",
    "Delete it and download the file itself, not the page that shows it": (
        "Sie löschen und die Datei selbst herunterladen, nicht die Seite, die sie zeigt"
    ),
    "{name} is only a Git LFS pointer to the weights": (
        "{name} ist nur ein Git-LFS-Zeiger auf die Gewichte"
    ),
    "Delete it and download the file itself": "Ihn löschen und die Datei selbst herunterladen",
    "{name} is no model": "{name} ist kein Modell",
    "Choose a folder with weights, or a weights file": (
        "Einen Ordner mit Gewichten oder eine Datei mit Gewichten wählen"
    ),
    "Choose a file or a folder": "Eine Datei oder einen Ordner wählen",
    "{name} is none of the matting models that the add-on knows, or is damaged": (
        "{name} ist keines der Freistellmodelle, die das Add-on kennt, oder beschädigt"
    ),
    "There is no matting model on this machine": "Auf diesem Rechner ist kein Freistellmodell",
    "The matting model {name} is not on this machine": (
        "Das Freistellmodell {name} ist nicht auf diesem Rechner"
    ),
    "Download one in the add-on's preferences, or choose another Background method": (
        "Eines in den Einstellungen des Add-ons herunterladen oder eine andere Methode für den "
        "Hintergrund wählen"
    ),
    "The matting model {name} cannot be loaded": (
        "Das Freistellmodell {name} kann nicht geladen werden"
    ),
    "{name} does not work as a matting model": "{name} funktioniert nicht als Freistellmodell",
    "Fetch the file again": "Die Datei neu holen",
    "rembg {version} has no model {name!r}": "rembg {version} hat kein Modell {name!r}",
    # Errors: what scripts pass
    "The network needs a square RGB picture, not an array of shape {shape}": (
        "Das Netzwerk braucht ein quadratisches RGB-Bild, kein Array der Form {shape}"
    ),
    "Pass what prepare_image returned": "Übergeben, was prepare_image zurückgab",
    "The picture's values are not from 0 to 1": "Die Werte des Bilds liegen nicht zwischen 0 und 1",
    "Divide bytes by 255": "Bytes durch 255 teilen",
    "Points have the shape {shape}": "Die Punkte haben die Form {shape}",
    "Pass an array of shape (N, 3)": "Ein Array der Form (N, 3) übergeben",
    "{name} is not a scene code": "{name} ist kein Szenencode",
    "Choose a file that SceneCode.save wrote": (
        "Eine Datei wählen, die SceneCode.save geschrieben hat"
    ),
    "This is not a scene code: {problem}": "Das ist kein Szenencode: {problem}",
    "its planes have the shape {shape}": "seine Ebenen haben die Form {shape}",
    "the layers of its decoder have the shapes {shapes}": (
        "die Schichten seines Decoders haben die Formen {shapes}"
    ),
    "some of its values are not finite": "einige seiner Werte sind nicht endlich",
    "its radius is {radius}": "sein Radius ist {radius}",
    "its density bias is not finite": "seine Dichteverschiebung ist nicht endlich",
    "Choose Full as the precision in the preferences, or fetch the weights again": (
        "In den Einstellungen „Voll“ als Genauigkeit wählen oder die Gewichte neu holen"
    ),
    # Exporting
    "Export": "Exportieren",
    "Export (TripoSR)": "Exportieren (TripoSR)",
    "TripoSR": "TripoSR",
    "Export the active object so that it arrives whole: right axes, real size, colors": (
        "Das aktive Objekt so exportieren, dass es heil ankommt: richtige Achsen, wahre Größe, "
        "Farben"
    ),
    "Target": "Ziel",
    "Where the object goes, which decides the format and its limits": (
        "Wohin das Objekt soll; danach richten sich Format und Grenzen"
    ),
    "Web and Engines": "Web und Engines",
    "A GLB file for websites and all programs that read glTF": (
        "Eine GLB-Datei für Webseiten und alle Programme, die glTF lesen"
    ),
    "Game Engine": "Spiele-Engine",
    "A GLB or FBX file with lossless textures for Unity or Godot": (
        "Eine GLB- oder FBX-Datei mit verlustfreien Texturen für Unity oder Godot"
    ),
    "iPhone AR": "iPhone-AR",
    "A USDZ file that iPhones and iPads show in your room": (
        "Eine USDZ-Datei, die iPhones und iPads im eigenen Raum zeigen"
    ),
    "Android AR": "Android-AR",
    "A GLB file small enough for Scene Viewer on Android": (
        "Eine GLB-Datei, die klein genug für Scene Viewer auf Android ist"
    ),
    "Maya and Unreal": "Maya und Unreal",
    "An FBX or USD file, in centimeters or with its unit stated": (
        "Eine FBX- oder USD-Datei, in Zentimetern oder mit angegebener Einheit"
    ),
    "An STL file in millimeters for slicers": "Eine STL-Datei in Millimetern für Slicer",
    "AR Page": "AR-Seite",
    "A folder with a web page that shows the object, and puts it into your room": (
        "Ein Ordner mit einer Webseite, die das Objekt zeigt und in den eigenen Raum stellt"
    ),
    "Cancel Export (TripoSR)": "Exportieren abbrechen (TripoSR)",
    "Stop exporting; no file is written or replaced": (
        "Das Exportieren anhalten; keine Datei wird geschrieben oder ersetzt"
    ),
    "Exporting": "Wird exportiert",
    "Nothing is being exported": "Es wird gerade nichts exportiert",
    "Select a mesh to export": "Ein Mesh zum Exportieren auswählen",
    "Switch to Object Mode to export": "Zum Exportieren in den Objektmodus wechseln",
    "Wait until the export is done, or cancel it": (
        "Warten, bis das Exportieren fertig ist, oder es abbrechen"
    ),
    "{file}: {triangles}, {colors}, {size}, {ready}": (
        "{file}: {triangles}, {colors}, {size}, {ready}"
    ),
    "{side:,}² texture": "Textur {side:,}²",
    "vertex colors": "Vertexfarben",
    "{side:,}² texture and vertex colors": "Textur {side:,}² und Vertexfarben",
    "no colors": "keine Farben",
    "{size:,.1f} MB": "{size:,.1f} MB",
    "{size:,.1f} KB": "{size:,.1f} KB",
    "ready for the web": "bereit fürs Web",
    "ready for game engines": "bereit für Spiele-Engines",
    "ready for AR": "bereit für AR",
    "ready for Maya and Unreal": "bereit für Maya und Unreal",
    "ready to print": "bereit zum Drucken",
    "ready for your web server": "bereit für den eigenen Webserver",
    "not ready yet": "noch nicht bereit",
    "{summary}. {remark}": "{summary}. {remark}",
    "{file}: {remark}": "{file}: {remark}",
    "{text}": "{text}",
    "Reduced from {count:,} triangles": "Von {count:,} Dreiecken reduziert",
    "It has {count:,} vertices, more than phones show well": (
        "Es hat {count:,} Vertices, mehr als Telefone gut darstellen"
    ),
    "It has {count:,} triangles, more than phones show well": (
        "Es hat {count:,} Dreiecke, mehr als Telefone gut darstellen"
    ),
    "It is larger than phones load well": "Es ist größer, als Telefone es gut laden",
    "The mesh is open, so fill its holes with Clean Up or in Edit Mode": (
        "Das Mesh ist offen; seine Löcher mit Aufräumen oder im Bearbeitungsmodus füllen"
    ),
    "Faces show their backs, so recalculate their normals in Edit Mode": (
        "Flächen zeigen ihre Rückseite; ihre Normalen im Bearbeitungsmodus neu berechnen"
    ),
    "Its texture is {side:,}², more than phones show well": (
        "Seine Textur hat {side:,}², mehr als Telefone gut darstellen"
    ),
    "It uses {count} UV maps, but phones may show one only": (
        "Es benutzt {count} UV-Maps, aber Telefone zeigen vielleicht nur eine"
    ),
    "Its instances were left out: the geometry node Realize Instances keeps them": (
        "Seine Instanzen wurden weggelassen; der Geometrie-Node „Instanzen realisieren“ behält sie"
    ),
    "A texture did not come along: connect it straight to Base Color of a Principled BSDF": (
        "Eine Textur kam nicht mit; sie direkt mit der Grundfarbe eines Principled BSDF verbinden"
    ),
    "The picture {name} is missing, so it was left out": (
        "Das Bild {name} fehlt und wurde weggelassen"
    ),
    # What goes wrong when exporting
    "{name} has no texture, and {target} shows no vertex colors": (
        "{name} hat keine Textur, und {target} zeigt keine Vertexfarben"
    ),
    "Click Texture first": "Zuerst auf Textur klicken",
    "Bake its colors into a texture, or choose Web and Engines": (
        "Seine Farben in eine Textur backen oder „Web und Engines“ wählen"
    ),
    "Parts of {name} have vertex colors, and {target} shows no vertex colors": (
        "Teile von {name} haben Vertexfarben, und {target} zeigt keine Vertexfarben"
    ),
    "{name} shows {picture}, a picture of UDIM tiles, which no target reads": (
        "{name} zeigt {picture}, ein Bild aus UDIM-Kacheln, die kein Ziel liest"
    ),
    "Bake it into one picture on one UV map first": (
        "Es zuerst in ein einziges Bild auf einer UV-Map backen"
    ),
    "{name} is not a mesh": "{name} ist kein Mesh",
    "Select a mesh, or convert it to one first": (
        "Ein Mesh auswählen oder es zuerst in eines umwandeln"
    ),
    "{name} has no faces": "{name} hat keine Flächen",
    "Select an object with a surface": "Ein Objekt mit einer Oberfläche auswählen",
    "{name} has no size": "{name} hat keine Größe",
    "Check the object's scale": "Die Skalierung des Objekts prüfen",
    "{name} has vertices whose positions are no numbers": (
        "{name} hat Vertices, deren Positionen keine Zahlen sind"
    ),
    "Delete them in Edit Mode, and check the object's scale": (
        "Sie im Bearbeitungsmodus löschen und die Skalierung des Objekts prüfen"
    ),
    "{path} names no file": "{path} benennt keine Datei",
    "Give the file a name": "Der Datei einen Namen geben",
    "{path} is a path beside the .blend, which is not saved yet": (
        "{path} ist ein Pfad neben der .blend-Datei, die noch nicht gespeichert ist"
    ),
    "Save the .blend first, or give a whole path": (
        "Zuerst die .blend-Datei speichern oder einen ganzen Pfad angeben"
    ),
    "{file} does not end with {endings}": "{file} endet nicht auf {endings}",
    "Choose such a name, or another target": "Einen solchen Namen oder ein anderes Ziel wählen",
    "The folder {folder} does not exist": "Der Ordner {folder} existiert nicht",
    "Create it, or choose another folder": "Ihn anlegen oder einen anderen Ordner wählen",
    "{file} is a folder": "{file} ist ein Ordner",
    "{file} is a file, but the page needs a folder": (
        "{file} ist eine Datei, aber die Seite braucht einen Ordner"
    ),
    "The folder {folder} holds other files, which a page might replace": (
        "Im Ordner {folder} liegen andere Dateien, die eine Seite ersetzen könnte"
    ),
    "Choose a new name, or an empty folder": ("Einen neuen Namen oder einen leeren Ordner wählen"),
    "{file} cannot be replaced": "{file} kann nicht ersetzt werden",
    "Close the program that has it open, or choose another name": (
        "Das Programm schließen, das sie geöffnet hat, oder einen anderen Namen wählen"
    ),
    "Choose another name": "Einen anderen Namen wählen",
    "Nothing can be written to {folder}: {reason}": (
        "In {folder} kann nichts geschrieben werden: {reason}"
    ),
    "Choose another folder, or make room on the disk": (
        "Einen anderen Ordner wählen oder auf dem Datenträger Platz schaffen"
    ),
    "Blender's exporter has failed: {reason}": "Blenders Exporter ist gescheitert: {reason}",
    "Try another target, or export it from Blender's File menu": (
        "Ein anderes Ziel wählen oder über Blenders Menü Datei exportieren"
    ),
    "Blender's exporter has not written {file} as it should: {reason}": (
        "Blenders Exporter hat {file} nicht so geschrieben, wie er sollte: {reason}"
    ),
    "Try another target, and report this": "Ein anderes Ziel wählen und dies melden",
    "Blender's {format} exporter is not there": "Blenders {format}-Exporter ist nicht da",
    "Install Blender again, or choose another target": (
        "Blender neu installieren oder ein anderes Ziel wählen"
    ),
    "This Blender cannot write USD files": "Dieses Blender kann keine USD-Dateien schreiben",
    "Use a Blender from blender.org, or choose another target": (
        "Ein Blender von blender.org verwenden oder ein anderes Ziel wählen"
    ),
    "Blender cannot be started a second time, to export: {reason}": (
        "Blender lässt sich zum Exportieren kein zweites Mal starten: {reason}"
    ),
    "The second Blender has not finished in {minutes:g} minutes": (
        "Das zweite Blender ist in {minutes:g} Minuten nicht fertig geworden"
    ),
    "Reduce the faces first, and close programs that need much memory": (
        "Zuerst die Flächen verringern und Programme schließen, die viel Speicher brauchen"
    ),
    "The second Blender, which exports the object, has failed": (
        "Das zweite Blender, das das Objekt exportiert, ist gescheitert"
    ),
    "1024": "1024",
    "2048": "2048",
    "4096": "4096",
    "512": "512",
    "Texture": "Textur",
    "Texture (TripoSR)": "Textur (TripoSR)",
    "Reduce and unwrap the mesh, and draw its colors and shading into textures": (
        "Das Mesh vereinfachen und abwickeln und seine Farben und Schattierung in Texturen zeichnen"
    ),
    "Number of triangles to reduce the mesh to before it is unwrapped; 0 keeps all. A mesh "
    "with a UV map of yours stays as it is": (
        "Anzahl der Dreiecke, auf die das Mesh vor dem Abwickeln verringert wird; 0 behält "
        "alle. Ein Mesh mit einer eigenen UV-Map bleibt, wie es ist"
    ),
    "Side of the textures, in pixels": "Seitenlänge der Texturen in Pixeln",
    "For games on phones, and for many objects": "Für Spiele auf Telefonen und für viele Objekte",
    "For objects in the background": "Für Objekte im Hintergrund",
    "Finer than the network's detail; shows a projected photo well": (
        "Feiner als die Details des Netzes; zeigt ein projiziertes Foto gut"
    ),
    "For close-ups; takes four times the memory of 2048": (
        "Für Nahaufnahmen; braucht viermal so viel Speicher wie 2048"
    ),
    "Normal Map": "Normal Map",
    "Make a second texture that gives the mesh the shading of the full surface": (
        "Eine zweite Textur anlegen, die dem Mesh die Schattierung der vollen Oberfläche gibt"
    ),
    "Photo on the Front": "Foto auf der Vorderseite",
    "Take the colors from the picture where its camera sees the surface, if the object "
    "matches the picture well": (
        "Die Farben aus dem Bild nehmen, wo seine Kamera die Oberfläche sieht, falls das "
        "Objekt gut zum Bild passt"
    ),
    "Mirror to Back": "Auf die Rückseite spiegeln",
    "Take the colors of the back from the mirrored picture, too": (
        "Auch die Farben der Rückseite aus dem gespiegelten Bild nehmen"
    ),
    "Size of the texture that the new object gets, in pixels; None leaves it with vertex "
    "colors and all its faces": (
        "Größe der Textur, die das neue Objekt bekommt, in Pixeln; „Keine“ belässt es bei "
        "Vertexfarben und allen Flächen"
    ),
    "Vertex colors only": "Nur Vertexfarben",
    "Number of triangles to which a new object that gets a texture is reduced; 0 keeps all": (
        "Anzahl der Dreiecke, auf die ein neues Objekt mit Textur verringert wird; 0 behält alle"
    ),
    "Unwrapping the mesh": "Mesh wird abgewickelt",
    "Finding the surface": "Oberfläche wird gesucht",
    "Projecting the photo": "Foto wird projiziert",
    "Drawing the textures": "Texturen werden gezeichnet",
    "What the image shows, if Texture made it": (
        "Was das Bild zeigt, falls „Textur“ es angelegt hat"
    ),
    "Color": "Farbe",
    "Whether Texture made the material": "Ob „Textur“ das Material angelegt hat",
    "Choose a smaller Size, or close other programs": (
        "Eine kleinere Größe wählen oder andere Programme schließen"
    ),
    "it has no texture: {reason}": "es hat keine Textur: {reason}",
    "{percent:.1f}\N{NO-BREAK SPACE}% of the surface has no place in the UV map": (
        "{percent:.1f}\N{NO-BREAK SPACE}% der Oberfläche haben keinen Platz in der UV-Map"
    ),
    "{percent}\N{NO-BREAK SPACE}% of the mesh lies far from the surface that the network "
    "knows, and takes the colors around it": (
        "{percent}\N{NO-BREAK SPACE}% des Meshs liegen fern von der Oberfläche, die das "
        "Netz kennt, und nehmen die Farben dort"
    ),
    "Color the vertices that the picture's camera sees with the picture's own pixels; a texture "
    "stays as it is": (
        "Die Vertices, die die Kamera des Bildes sieht, mit den Bildpunkten des Bildes färben; "
        "eine Textur bleibt, wie sie ist"
    ),
    "texturing the mesh": "das Texturieren des Meshs",
    "{name}: {count:,} faces, {size}² texture": "{name}: {count:,} Flächen, Textur mit {size}²",
    "{percent}\N{NO-BREAK SPACE}% of the UV map overlaps, where the parts show the same colors": (
        "{percent}\N{NO-BREAK SPACE}% der UV-Map überlappen, dort zeigen die Teile dieselben Farben"
    ),
    "the photo was left out: {reason}": "das Foto wurde weggelassen: {reason}",
    "Mirror to Back needs Photo on the Front": (
        "„Auf die Rückseite spiegeln“ braucht „Foto auf der Vorderseite“"
    ),
    "What the script refers to was removed from Blender": (
        "Worauf das Skript verweist, wurde aus Blender entfernt"
    ),
    "Get it again from bpy.data": "Es neu aus bpy.data holen",
    "There is no path to export to": "Es gibt keinen Pfad zum Exportieren",
    "The name {name} is too long for a file": "Der Name {name} ist zu lang für eine Datei",
    "Choose a shorter name": "Einen kürzeren Namen wählen",
    "Choose another folder": "Einen anderen Ordner wählen",
    "the system refuses it": "das System lehnt es ab",
    "1 triangle": "1 Dreieck",
    "{count:,} triangles": "{count:,} Dreiecke",
    "In its texture, {remark}": "In seiner Textur: {remark}",
    "Remark": "Bemerkung",
    "What the last task on the object has left out, and why; empty if nothing": (
        "Was die letzte Aufgabe am Objekt weggelassen hat und warum; leer, falls nichts"
    ),
    "the object matches its picture by only {percent:.0f}\N{NO-BREAK SPACE}%": (
        "das Objekt passt nur zu {percent:.0f}\N{NO-BREAK SPACE}% zu seinem Bild"
    ),
    "the picture has changed since the object was made": (
        "das Bild hat sich geändert, seit das Objekt entstand"
    ),
    "The UV map covers no texel": "Die UV-Map bedeckt keinen Bildpunkt der Textur",
    "The triangles of the UV map are far larger than the texture": (
        "Die Dreiecke der UV-Map sind weit größer als die Textur"
    ),
    "Remove it, so that a new one is made, or unwrap again": (
        "Sie entfernen, damit eine neue entsteht, oder neu abwickeln"
    ),
    "Remove the UV map, so that a new one is made, or unwrap again": (
        "Die UV-Map entfernen, damit eine neue entsteht, oder neu abwickeln"
    ),
}
"""German texts by English text, in the order in which the artist meets them."""
